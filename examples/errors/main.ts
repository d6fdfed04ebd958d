/** Runs that do not end as hoped, and what is left of them. Run it: `npx node examples/errors/main.ts` */
import '../shared/model.ts';
import { Agent, AgentsError, MaxTurnsExceededError, run, RunTimeoutError, stateOfError, tool } from '@baton/agents';
import { z } from 'zod';

const readPage = tool({
  name: 'read_page',
  description: 'Reads a page of the book.',
  parameters: z.object({ page: z.number() }),
  execute: async ({ page }) => `Text of page ${page}.`,
});
const reader = new Agent({ name: 'Reader', instructions: 'Read pages 1 and 2, then summarize.', tools: [readPage] });

// 1. Too many turns: the error holds the state. With a higher limit the run goes on where it was.
// model calls: read_page {"page":1}
// model calls: read_page {"page":2}
// model says: Both pages hold text.
try {
  await run(reader, 'Summarize the book.', { maxTurns: 1 });
} catch (error) {
  if (!(error instanceof MaxTurnsExceededError)) throw error;
  const { code, message, state } = error;
  console.log(`${code}: ${message}; ${state?.newItems.length} items are kept`);
  if (state) console.log((await run(reader, state, { maxTurns: 5 })).finalOutput);
}

// 2. An error handler gives an output in place of the error.
// model calls: read_page {"page":1}
const handled = await run(reader, 'Summarize the book.', {
  maxTurns: 1,
  errorHandlers: {
    maxTurns: ({ runData }) => ({ finalOutput: `Not finished after ${runData.rawResponses.length} model call.` }),
  },
});
console.log(handled.finalOutput);

// 3. A run may take so long and no longer, model and tool calls included.
const slow = tool({
  name: 'wait',
  description: 'Waits.',
  parameters: z.object({}),
  execute: (_input, _context, details) =>
    new Promise((resolve) => details?.signal?.addEventListener('abort', () => resolve('stopped'), { once: true })),
});
const waiter = new Agent({ name: 'Waiter', instructions: 'Call wait.', tools: [slow] });
// model calls: wait
try {
  await run(waiter, 'Wait.', { timeoutMs: 300 });
} catch (error) {
  if (!(error instanceof RunTimeoutError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

// 4. You can stop a run yourself. The reason of the signal is what is thrown, the same object.
const controller = new AbortController();
const enough = new Error('The user closed the window.');
// model calls: wait
const running = run(waiter, 'Wait.', { signal: controller.signal });
setTimeout(() => controller.abort(enough), 100);
try {
  await running;
} catch (error) {
  console.log(error === enough ? `aborted: ${enough.message}` : error);
  console.log(stateOfError(error)?.status, error instanceof AgentsError);
}
