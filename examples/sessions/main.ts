/** A conversation that goes on from run to run. Run it: `npx node examples/sessions/main.ts` */
import '../shared/model.ts';
import { Agent, MemorySession, run } from '@baton/agents';

const agent = new Agent({ name: 'Guide', instructions: 'Answer in one short sentence.' });
const session = new MemorySession({ sessionId: 'user_123' });

// model says: The Golden Gate Bridge is in San Francisco.
const first = await run(agent, 'Which city is the Golden Gate Bridge in?', { session });
console.log(first.finalOutput);

// The second run sees the first one's question and answer.
// model says: It is in California.
const second = await run(agent, 'Which state is that in?', { session });
console.log(second.finalOutput);

const items = await session.getItems();
console.log(`${items.length} items in session ${await session.getSessionId()}`);

// Take the last question and its answer back, to ask it differently.
await session.popItem();
await session.popItem();
// model says: San Francisco has about 830,000 inhabitants.
const third = await run(agent, 'How many people live there?', { session });
console.log(third.finalOutput);

// What a run sees of a long history is yours to choose; what it adds is saved.
// model says: You asked about San Francisco.
const fourth = await run(agent, 'What was I asking about?', {
  session,
  sessionInputCallback: (history, input) => [...history.slice(-2), ...input],
});
console.log(fourth.finalOutput);
console.log(`${(await session.getItems()).length} items`);
