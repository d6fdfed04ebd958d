/**
 * Lets an error handler turn an error into a final output.
 */
import type { Effect, RunEvent, State } from '../../kernel/index.ts';
import { AgentsError } from '../../protocol/errors.ts';
import { liveError } from '../end.ts';
import type { LiveRun } from '../live-run.ts';
import { RunState } from '../run-state.ts';

type HandleError = Extract<Effect, { do: 'handle_error' }>;

export async function handleError(run: LiveRun, effect: HandleError, state: State): Promise<RunEvent> {
  const { errorHandlers } = run.settings;
  const handler = errorHandlers?.[effect.kind] ?? errorHandlers?.default;
  const error = liveError(run.record, state);
  if (!handler || !(error instanceof AgentsError)) return { type: 'error.handled', id: effect.id };
  const handle = new RunState(run.record);
  const { input, newItems, history, output, rawResponses, currentAgent } = handle;
  const runData = { input, newItems, history, output, rawResponses, lastAgent: currentAgent, state: handle };
  const handled = await handler({ error, context: run.context, runData });
  if (!handled) return { type: 'error.handled', id: effect.id };
  const { finalOutput, includeInHistory } = handled;
  const agent = run.agent(state.agent);
  const final =
    typeof finalOutput === 'string' && agent.outputType === 'text' ? finalOutput : JSON.stringify(finalOutput);
  agent.processFinalOutput(final);
  return { type: 'error.handled', id: effect.id, final, ...(includeInHistory === false && { includeInHistory }) };
}
