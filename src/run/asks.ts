/** The questions to people that a run waits for. */
import { type Ask, askedCalls, type Call, type State } from '../kernel/index.ts';

/** Whom a waiting run waits for: its own calls and those of its sub-agents. */
export function asksOf(state: State, runId: string): Ask[] {
  return askedCalls(state).flatMap((call) => call.asks ?? [askOf(state, runId, call)]);
}

/** The same as the caller of a sub-agent holds them: agents are named by the tools that lead to them. */
export const asksThrough = (tool: string, asks: readonly Ask[]): Ask[] =>
  asks.map((ask) => ({ ...ask, agent: `${tool}/${ask.agent ?? ''}` }));

/** Whose calls a decision covers, as the sub-agent behind a tool knows it; undefined where it covers none there. */
export const agentBehind = (tool: string, agent: string): string | undefined =>
  agent.startsWith(`${tool}/`) ? agent.slice(tool.length + 1) : undefined;

const askOf = ({ k, agent }: State, run: string, { i, callId, tool, status, attempt }: Call): Ask => ({
  run,
  k,
  i,
  callId,
  tool,
  agent,
  ...(status === 'unsure' && { uncertain: attempt }),
});
