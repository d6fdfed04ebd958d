/**
 * The agents that a run can reach by handoffs, each under a key: its name, with its path where names repeat.
 */
import { type AnyAgent, Handoff } from '../agent/index.ts';
import type { AgentKey } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';

/** Walks the handoffs from an agent when a second agent is asked for, not before. */
export class AgentGraph {
  readonly root: AnyAgent;
  #known: { byKey: Map<AgentKey, AnyAgent>; keys: Map<AnyAgent, AgentKey> } | undefined;

  constructor(root: AnyAgent) {
    this.root = root;
  }

  /** @throws UserError where no agent has the key. */
  agent(key: AgentKey): AnyAgent {
    if (key === this.root.name && !this.#known) return this.root;
    const agent = this.#known?.byKey.get(key) ?? this.#walk().byKey.get(key);
    if (agent) return agent;
    throw new UserError(
      `The run speaks of agent "${key}", which agent "${this.root.name}" and its handoffs do not have. ` +
        'Pass the agents that the run was started with.',
    );
  }

  /** The key of an agent; one that is not in the graph yet (a handoff returned it) is added. */
  keyOf(agent: AnyAgent): AgentKey {
    if (agent === this.root && !this.#known) return agent.name;
    return this.#known?.keys.get(agent) ?? this.#walk().keys.get(agent) ?? this.#add(agent, 'dynamic');
  }

  /** All agents, each with its key. */
  get all(): ReadonlyMap<AgentKey, AnyAgent> {
    return this.#walk().byKey;
  }

  #walk(): { byKey: Map<AgentKey, AnyAgent>; keys: Map<AnyAgent, AgentKey> } {
    const known = (this.#known ??= { byKey: new Map(), keys: new Map() });
    this.#add(this.root, '');
    const queue: AnyAgent[] = [...known.keys.keys()];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const path = known.keys.get(next) ?? next.name;
      for (const target of next.handoffs) {
        const agent = target instanceof Handoff ? target.agent : target;
        if (!known.keys.has(agent)) queue.push(agent);
        this.#add(agent, path);
      }
    }
    return known;
  }

  #add(agent: AnyAgent, path: string): AgentKey {
    const known = (this.#known ??= { byKey: new Map(), keys: new Map() });
    const before = known.keys.get(agent);
    if (before !== undefined) return before;
    const name = known.byKey.has(agent.name) ? `${path}>${agent.name}` : agent.name;
    let key = name;
    for (let n = 2; known.byKey.has(key); n++) key = `${name}#${n}`;
    known.byKey.set(key, agent);
    known.keys.set(agent, key);
    return key;
  }
}
