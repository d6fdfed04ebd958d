/**
 * The agents that a run can reach by handoffs, each under a key: its name, with its path where names repeat.
 */
import { type AnyAgent, Handoff } from '../agent/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { AgentKey } from '../kernel/index.ts';

export type AgentGraph = {
  readonly root: AnyAgent;
  /** @throws UserError where no agent has the key. */
  agent(key: AgentKey): AnyAgent;
  /** The key of an agent; one that is not in the graph yet (a handoff returned it) is added. */
  keyOf(agent: AnyAgent): AgentKey;
};

/** Walks the handoffs from an agent. Cheap: nothing is walked until a second agent is asked for. */
export function agentGraph(root: AnyAgent): AgentGraph {
  let byKey: Map<AgentKey, AnyAgent> | undefined;
  let keys: Map<AnyAgent, AgentKey> | undefined;

  const add = (agent: AnyAgent, path: string): void => {
    if (keys?.has(agent)) return;
    const key = byKey?.has(agent.name) ? `${path}>${agent.name}` : agent.name;
    let unique = key;
    for (let n = 2; byKey?.has(unique); n++) unique = `${key}#${n}`;
    byKey?.set(unique, agent);
    keys?.set(agent, unique);
  };
  const walk = (): void => {
    byKey = new Map();
    keys = new Map();
    add(root, '');
    const queue: AnyAgent[] = [root];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const path = keys.get(next) ?? next.name;
      for (const target of next.handoffs) {
        const agent = target instanceof Handoff ? target.agent : target;
        if (!keys.has(agent)) queue.push(agent);
        add(agent, path);
      }
    }
  };

  return {
    root,
    agent(key) {
      if (key === root.name && !byKey) return root;
      if (!byKey?.has(key)) walk();
      const agent = byKey?.get(key);
      if (agent) return agent;
      throw new UserError(
        `The run speaks of agent "${key}", which agent "${root.name}" and its handoffs do not have. ` +
          'Pass the agents that the run was started with.',
      );
    },
    keyOf(agent) {
      if (agent === root && !keys) return root.name;
      if (!keys?.has(agent)) walk();
      add(agent, 'dynamic');
      return keys?.get(agent) ?? agent.name;
    },
  };
}
