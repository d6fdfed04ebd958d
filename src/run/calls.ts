/**
 * Finds what a call in the log speaks of: its item, and the tool or handoff that answers it.
 */
import type { Handoff } from '../agent/index.ts';
import type { Call, State } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import { type FunctionTool, prepareArguments, type PreparedArguments } from '../tools/index.ts';
import type { LiveRun } from './live-run.ts';
import type { RunRecord } from './record.ts';

/** The id of the effect that carries a call of the newest reply out. */
export const effectIdOf = ({ k }: State, { i }: Call): string => `m${k}/c${i}`;

export const callOf = (state: State, i: number): Call => {
  const call = state.calls[i];
  if (call) return call;
  throw new Error(`The newest reply has no call ${i}.`);
};

/** The tool of a call, where it can be found without asking user code. */
export function knownTool(record: RunRecord, state: State, call: Call): FunctionTool | undefined {
  const bound = record.live.calls.get(effectIdOf(state, call));
  if (bound && 'tool' in bound) return bound.tool;
  const tools = record.graph.agent(state.agent).tools;
  return tools.findLast((tool): tool is FunctionTool => tool.type === 'function' && tool.name === call.tool);
}

export type Bound = { tool: FunctionTool; prepared: PreparedArguments };

/** The tool of a call and its arguments, as they were bound when the reply came. */
export function boundTool(run: LiveRun, state: State, call: Call): Bound | undefined {
  const bound = run.record.live.calls.get(effectIdOf(state, call));
  return bound && 'tool' in bound ? bound : undefined;
}

/** The same after a resume: found by name. @throws UserError where the agent has no such tool any more. */
export async function bindTool(run: LiveRun, state: State, call: Call): Promise<Bound> {
  const agent = run.agent(state.agent);
  const named = (tools: readonly { type: string; name: string }[]): FunctionTool | undefined =>
    tools.findLast((tool): tool is FunctionTool => tool.type === 'function' && tool.name === call.tool);
  const tool = named(agent.tools) ?? named(await agent.getAllTools(run.context));
  if (!tool) {
    throw new UserError(
      `The run waits for tool "${call.tool}", which agent "${agent.name}" does not have. Pass the agents that it was started with.`,
    );
  }
  const found = { tool, prepared: prepareArguments(tool, call.made.arguments) };
  run.record.live.calls.set(effectIdOf(state, call), found);
  return found;
}

/** The handoff of a call. @throws UserError where the agent has no such handoff any more. */
export async function bindHandoff(run: LiveRun, state: State, call: Call): Promise<Handoff> {
  const bound = run.record.live.calls.get(effectIdOf(state, call));
  if (bound && 'handoff' in bound) return bound.handoff;
  const agent = run.agent(state.agent);
  const handoff = (await agent.getEnabledHandoffs(run.context)).findLast(({ toolName }) => toolName === call.tool);
  if (handoff) return handoff;
  throw new UserError(
    `The run wants to hand over with "${call.tool}", which agent "${agent.name}" does not have. Pass the agents that it was started with.`,
  );
}
