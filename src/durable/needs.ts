/**
 * Whether agents that changed while a run rested still have what it needs next. Looked at before anything is changed:
 * a run that fails at a call which a person approved would have used that approval up.
 */
import { type Call, decisionOn, type RunEvent, type State } from '../kernel/index.ts';
import type { RunRecord } from '../run/record.ts';
import { DurableError } from './errors.ts';
import type { Found } from './revive.ts';

/** @throws DurableError `durable/plan-changed` */
export async function checkNeeds({ state, log }: Found, { graph, context }: RunRecord): Promise<void> {
  const posted = log.inbox.map(({ event }) => event as RunEvent);
  // Whoever ends a run needs nothing.
  if (state.status === 'stopping' || posted.some(({ type }) => type === 'run.stopping')) return;
  const agent = graph.all.get(state.agent);
  if (!agent) throw missing(state, `agent "${state.agent}", which is at work in it`);
  const isNamed = ({ tool }: Call, tools: readonly { type: string; name: string }[]): boolean =>
    tools.some(({ type, name }) => type === 'function' && name === tool);
  for (const call of state.calls) {
    if (!isNeeded(state, call, posted) || isNamed(call, agent.tools)) continue;
    if (isNamed(call, await agent.getAllTools(context))) continue;
    throw missing(state, `tool "${call.tool}" of agent "${agent.name}", for call ${call.callId}`);
  }
}

/** Whether the tool of a call is needed: not any more where it is answered, or a person said no. */
function isNeeded(state: State, call: Call, posted: readonly RunEvent[]): boolean {
  const { kind, status, callId, malformed } = call;
  if (malformed || (kind !== 'function' && kind !== 'agent')) return false;
  if (status === 'done' || status === 'failed' || status === 'ignored' || status === 'refused') return false;
  const refusal = (event: RunEvent): boolean =>
    event.type === 'approval.decided' && event.callId === callId && event.run === undefined && !event.approved;
  return !posted.some(refusal) && decisionOn(state, call)?.approved !== false;
}

const missing = ({ runId }: State, what: string): DurableError =>
  new DurableError(
    'durable/plan-changed',
    runId,
    `Run ${runId} needs ${what}, and the agents that are to go on with it do not have that (any more). Nothing was ` +
      'changed. Go on with the agents that it was started with, or reject the call that needs it.',
  );
