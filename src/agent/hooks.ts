/**
 * Lifecycle hooks: what agents and runners announce while they work. Listeners observe; what they return is ignored.
 */
import type { AgentInputItem, ToolCallItem } from '../protocol/items.ts';
import type { RunContext } from '../tools/context.ts';
import type { AnyAgent, Tool } from './agent.ts';

type Events = Record<string, unknown[]>;
/** Compared both ways, so that a listener may say which context its runs have. */
type Listener<Args extends unknown[]> = { call(...args: Args): void }['call'];
/** Which arguments it takes is known by the event that it is kept under. */
type AnyListener = { call(...args: unknown[]): void }['call'];

/** A small event emitter. Listeners are called in the order in which they were added, synchronously. */
export class RuntimeEventEmitter<EventTypes extends { [K in keyof EventTypes]: unknown[] } = Events> {
  // Made on first use: most agents have no listeners.
  #listeners: Map<keyof EventTypes, AnyListener[]> | undefined;

  on<K extends keyof EventTypes>(type: K, listener: Listener<EventTypes[K]>): this {
    const listeners = (this.#listeners ??= new Map());
    const list = listeners.get(type);
    if (list) list.push(listener as AnyListener);
    else listeners.set(type, [listener as AnyListener]);
    return this;
  }

  off<K extends keyof EventTypes>(type: K, listener: Listener<EventTypes[K]>): this {
    const list = this.#listeners?.get(type);
    const index = list?.indexOf(listener as AnyListener) ?? -1;
    if (index >= 0) list?.splice(index, 1);
    return this;
  }

  once<K extends keyof EventTypes>(type: K, listener: Listener<EventTypes[K]>): this {
    const wrapped: Listener<EventTypes[K]> = (...args) => {
      this.off(type, wrapped);
      listener(...args);
    };
    return this.on(type, wrapped);
  }

  /** Calls the listeners of a type. Whether there were any. */
  emit<K extends keyof EventTypes>(type: K, ...args: EventTypes[K]): boolean {
    const list = this.#listeners?.get(type);
    if (!list || list.length === 0) return false;
    for (const listener of list.slice()) listener(...args);
    return true;
  }
}

type ToolDetails = { toolCall: ToolCallItem };

/** What an agent announces. */
export type AgentHookEvents<TContext = unknown> = {
  agent_start: [context: RunContext<TContext>, agent: AnyAgent, turnInput?: AgentInputItem[]];
  agent_end: [context: RunContext<TContext>, output: string];
  agent_handoff: [context: RunContext<TContext>, nextAgent: AnyAgent];
  agent_tool_start: [context: RunContext<TContext>, tool: Tool<TContext>, details: ToolDetails];
  agent_tool_end: [context: RunContext<TContext>, tool: Tool<TContext>, result: string, details: ToolDetails];
};

/** What a runner announces, for all agents that it runs. */
export type RunHookEvents<TContext = unknown> = {
  agent_start: [context: RunContext<TContext>, agent: AnyAgent, turnInput?: AgentInputItem[]];
  agent_end: [context: RunContext<TContext>, agent: AnyAgent, output: string];
  agent_handoff: [context: RunContext<TContext>, fromAgent: AnyAgent, toAgent: AnyAgent];
  agent_tool_start: [context: RunContext<TContext>, agent: AnyAgent, tool: Tool<TContext>, details: ToolDetails];
  agent_tool_end: [
    context: RunContext<TContext>,
    agent: AnyAgent,
    tool: Tool<TContext>,
    result: string,
    details: ToolDetails,
  ];
};

/** The emitter that every agent is. */
export class AgentHooks<TContext = unknown> extends RuntimeEventEmitter<AgentHookEvents<TContext>> {}

/** The emitter that every runner is. */
export class RunHooks<TContext = unknown> extends RuntimeEventEmitter<RunHookEvents<TContext>> {}
