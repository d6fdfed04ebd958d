/**
 * What agents are made of, as data: names, tools, schemas, static instructions. Recorded when a durable run starts, so
 * that a run which rested while the code changed can be told from one that goes on with what it began with.
 */
import { agentToolSpec, type AnyAgent, Handoff } from '../agent/index.ts';
import { warn } from '../protocol/warn.ts';
import { node } from '../protocol/node.ts';
import { AgentGraph } from '../run/graph.ts';
import { approvalOf, effectOf } from '../tools/index.ts';

/** Of each agent, by key: what is static of it, long things as hashes. What the code of a function does is not seen. */
export type PlanRecord = { [agent: string]: AgentRecord };
type Named = { [name: string]: string };
type AgentRecord = {
  instructions: string;
  output: string;
  model: string;
  tools: Named;
  handoffs: Named;
  /** What the model is told of tools and handoffs: it made calls that wait by these words. */
  descriptions: Named;
  guardrails: Named;
};

export function planRecord(root: AnyAgent): PlanRecord {
  return Object.fromEntries([...agentsWithin(root)].map(([key, agent]) => [key, agentRecord(agent)]));
}

/** All agents that a run can get to: by handoffs, and as tools, those under the name of the tool. */
export function agentsWithin(root: AnyAgent): Map<string, AnyAgent> {
  const found = new Map<string, AnyAgent>();
  const seen = new Set<AnyAgent>();
  const visit = (from: AnyAgent, path: string): void => {
    for (const [key, agent] of new AgentGraph(from).all) {
      if (seen.has(agent)) continue;
      seen.add(agent);
      found.set(`${path}${key}`, agent);
      for (const tool of agent.tools) {
        const spec = tool.type === 'function' ? agentToolSpec(tool) : undefined;
        if (spec) visit(spec.agent, `${path}${key}/${tool.name}/`);
      }
    }
  };
  visit(root, '');
  return found;
}

function agentRecord(agent: AnyAgent): AgentRecord {
  const { instructions, model } = agent;
  return {
    instructions: typeof instructions === 'function' ? 'dynamic' : hash(instructions ?? ''),
    output: agent.outputType === 'text' ? 'text' : hash(agent.outputDefinition),
    model: typeof model === 'string' ? model : 'object',
    tools: Object.fromEntries(
      agent.tools.map((tool) => [
        tool.name,
        tool.type === 'function'
          ? `${hash(tool.parameters)} approval ${approvalOf(tool)} effect ${effectOf(tool)}`
          : tool.type,
      ]),
    ),
    handoffs: Object.fromEntries(
      agent.handoffs.map((target) =>
        target instanceof Handoff ? [target.toolName, target.agent.name] : [target.name, target.name],
      ),
    ),
    descriptions: descriptionsOf(agent),
    guardrails: guardrailsOf(agent),
  };
}

function descriptionsOf({ tools, handoffs }: AnyAgent): Named {
  const ofTools = tools.flatMap((tool) =>
    tool.type === 'function' ? [[`tool "${tool.name}"`, hash(tool.description)]] : [],
  );
  const ofHandoffs = handoffs.map((target) =>
    target instanceof Handoff
      ? [`handoff "${target.toolName}"`, hash(target.toolDescription)]
      : [`handoff "${target.name}"`, hash(target.handoffDescription)],
  );
  return Object.fromEntries([...ofTools, ...ofHandoffs]);
}

/** By name and place: whether it is there, and when it runs. */
function guardrailsOf({ inputGuardrails, outputGuardrails, tools }: AnyAgent): Named {
  const there = (place: string, guardrails: readonly { name: string }[] = []): [string, string][] =>
    guardrails.map(({ name }) => [`"${name}" on ${place}`, 'there']);
  const ofTools = tools.flatMap((tool) =>
    tool.type === 'function'
      ? [
          ...there(`input of tool "${tool.name}"`, tool.inputGuardrails),
          ...there(`output of tool "${tool.name}"`, tool.outputGuardrails),
        ]
      : [],
  );
  const onInput = inputGuardrails.map(({ name, runInParallel = true }): [string, string] => [
    `"${name}" on input`,
    runInParallel ? 'beside' : 'before',
  ]);
  return Object.fromEntries([...onInput, ...there('output', outputGuardrails), ...ofTools]);
}

const hash = (value: unknown): string =>
  node.crypto
    .createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('base64url')
    .slice(0, 12);

/** A crash while a tool runs that does not say what it changes leaves a question to a person: once a name. */
export function warnOfUndeclared(root: AnyAgent, warned: Set<string>): void {
  for (const agent of agentsWithin(root).values()) {
    for (const tool of agent.tools) {
      if (tool.type !== 'function' || tool.effect || agentToolSpec(tool) || warned.has(tool.name)) continue;
      warned.add(tool.name);
      warn(
        `Tool "${tool.name}" does not say what it changes, so in durable runs it counts as effect: 'once': ` +
          "a crash while it runs leaves a question to a person. Give it effect: 'read', 'idempotent' or 'once'.",
      );
    }
  }
}
