/** An agent that answers with data of a known form. Run it: `npx node examples/structured-output/main.ts` */
import '../shared/model.ts';
import { Agent, ModelBehaviorError, run } from '@baton/agents';
import { z } from 'zod';

const Event = z.object({
  name: z.string(),
  date: z.iso.date(),
  people: z.array(z.string()),
  place: z.string().nullable(),
});

const extractor = new Agent({
  name: 'Calendar',
  instructions: 'Extract the event from the text. Dates as YYYY-MM-DD; the year is 2026.',
  outputType: Event,
});

// model says: {"name":"Lunch","date":"2026-05-04","people":["Ada","Grace"],"place":"Café Central"}
const { finalOutput } = await run(extractor, 'Lunch with Ada and Grace on May 4 at Café Central.');
// `finalOutput` has the type of the schema and was checked against it.
console.log(finalOutput?.date, finalOutput?.people.join(' and '));

// An answer that does not fit is not given to you: the model is told what is wrong and asked again, once by default.
// model says: {"name":"Lunch","date":"May 4th","people":[],"place":null}
// model says: {"name":"Lunch","date":"2026-05-04","people":[],"place":null}
const repaired = await run(extractor, 'Lunch on May 4.');
console.log(repaired.finalOutput?.date, `after ${repaired.rawResponses.length} replies`);

// When that does not help either, the run fails with an error that says why.
const strict = extractor.clone({ outputRetries: 0 });
// model says: There is no event in this text.
try {
  const none = await run(strict, 'The weather is fine.');
  console.log(none.finalOutput);
} catch (error) {
  if (!(error instanceof ModelBehaviorError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

// Or an error handler gives an answer in place of the error.
// model says: There is no event in this text.
const handled = await run(strict, 'The weather is fine.', {
  errorHandlers: {
    invalidFinalOutput: () => ({ finalOutput: { name: '', date: '2026-01-01', people: [], place: null } }),
  },
});
console.log(handled.finalOutput?.name === '' ? 'no event' : handled.finalOutput);
