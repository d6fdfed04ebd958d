/** Plays a random system of agents (test/kill/systems.ts) with models of one's choice, and says what can be seen of it. */
import {
  type AgentInputItem,
  type AnyAgent,
  MemorySession,
  type Model,
  Runner,
  type RunState,
  stateOfError,
} from '../../src/index.ts';
import { agentToolSpec } from '../../src/agent/index.ts';
import { build, decide } from '../kill/build.ts';
import type { SystemSpec } from '../kill/systems.ts';

type Handle = RunState<unknown, AnyAgent>;
export type Played = { state: Handle; root: AnyAgent; seen: { [what: string]: unknown } };

/** @param modelFor the model that an agent gets in place of its own */
export async function play(spec: SystemSpec, modelFor: (own: Model) => Model): Promise<Played> {
  const controller = new AbortController();
  const initialItems: AgentInputItem[] = [{ type: 'message', role: 'user', content: 'earlier' }];
  const session = new MemorySession({ initialItems });
  const reach = { performed: () => undefined, abort: () => controller.abort(new Error('a tool aborted the run')) };
  const { root, options, input } = build(spec, reach, { session, signal: controller.signal });
  const known = new Set<AnyAgent>();
  replaceModels(root, modelFor, known);
  let state: Handle | undefined;
  for (let round = 0; round < 40 && !state?.isOver; round++) {
    if (state) decide(spec, state);
    try {
      const result = await new Runner().run(root, state ?? input, { ...options, context: { user: 1 } } as never);
      await (result as unknown as { completed?: Promise<void> }).completed;
      state = result.state as Handle;
    } catch (error) {
      state = stateOfError(error) as Handle | undefined;
      if (!state) throw error;
    }
  }
  if (!state?.isOver) throw new Error('The run pauses for ever.');
  return { state, root, seen: await seenOf(state, session) };
}

function replaceModels(agent: AnyAgent, modelFor: (own: Model) => Model, known: Set<AnyAgent>): void {
  if (known.has(agent)) return;
  known.add(agent);
  if (typeof agent.model !== 'string') agent.model = modelFor(agent.model);
  for (const next of agent.handoffs) replaceModels('agent' in next ? next.agent : next, modelFor, known);
  for (const tool of agent.tools) {
    const spec = tool.type === 'function' ? agentToolSpec(tool) : undefined;
    if (spec) replaceModels(spec.agent, modelFor, known);
  }
}

async function seenOf(state: Handle, session: MemorySession): Promise<{ [what: string]: unknown }> {
  const error = state.events.find(({ type }) => type === 'run.stopping');
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;
  return {
    status: state.status,
    output: plain(state.status === 'finished' ? state.finalOutput : undefined),
    items: plain(state.newItems.map((item) => item.toJSON())),
    history: plain(state.history),
    error: error?.type === 'run.stopping' ? plain({ cause: error.cause, message: error.error.message }) : undefined,
    session: plain(await session.getItems()),
    usage: plain(state.usage),
  };
}
