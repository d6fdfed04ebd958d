/**
 * What agents are made of, as data: names, tools, schemas, static instructions. Recorded when a durable run starts, so
 * that a run which rested while the code changed can be told from one that goes on with what it began with.
 */
import { agentToolSpec, type AnyAgent, Handoff } from '../agent/index.ts';
import type { RunEvent } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Json } from '../protocol/json.ts';
import { warn } from '../protocol/warn.ts';
import { node } from '../protocol/node.ts';
import { AgentGraph } from '../run/graph.ts';
import { approvalOf, effectOf } from '../tools/index.ts';
import { DurableError } from './errors.ts';
import { itemsOf } from './input.ts';
import type { Found } from './revive.ts';
import type { OnPlanChange } from './types.ts';

/**
 * What a run that rested must hear of agents that changed meanwhile.
 *
 * @throws DurableError `durable/plan-changed` where that is not to go on
 */
export async function planEvents(
  found: Found,
  agent: AnyAgent,
  policy: OnPlanChange = 'continue',
): Promise<RunEvent[]> {
  const { plan } = found.state;
  const now = planRecord(agent);
  const changed = plan === undefined ? [] : planChanges(plan, now);
  if (changed.length === 0) return [];
  const { info } = found.log;
  const decision = typeof policy === 'function' ? await policy({ run: info, changes: changed }) : policy;
  if (decision === 'refuse') {
    throw new DurableError(
      'durable/plan-changed',
      info.runId,
      `The agents of run ${info.runId} changed while it rested, and onPlanChange refuses that: ${changed.join('; ')}. ` +
        'Run the code that it was started with, or let onPlanChange continue or migrate it.',
    );
  }
  const recorded: RunEvent = { type: 'plan.recorded', plan: now };
  if (decision === 'continue') return [recorded];
  const input: unknown = typeof decision === 'object' ? decision.input : undefined;
  if (input === undefined) {
    throw new UserError(
      `onPlanChange gave ${JSON.stringify(decision)} for run ${info.runId}. Give 'continue', 'refuse', or { input }.`,
    );
  }
  const items = itemsOf(input, `What onPlanChange gave as input for run ${info.runId}`);
  return [recorded, { type: 'input.staged', items }];
}

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

/** What changed, in words, a line each; empty where nothing did. */
export function planChanges(before: Json, after: PlanRecord): string[] {
  return changes(before, after, []);
}

function changes(before: Json | undefined, after: Json | undefined, path: readonly string[]): string[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    // What an older version did not record of an agent is not known to have changed.
    const known = path.length === 1 ? keys.filter((key) => key in before) : keys;
    return known.flatMap((key) => changes(before[key], after[key], [...path, key]));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  // Of what is new or gone itself.
  if (path[1] === 'descriptions' && (before === undefined || after === undefined)) return [];
  const what = named(path);
  if (before === undefined) return [`${what} is new`];
  return [after === undefined ? `${what} is gone` : `${what} changed`];
}

/** A path of the record as people say it. */
function named([agent = '', part, name]: readonly string[]): string {
  const of = `agent "${agent}"`;
  if (part === undefined) return of;
  if (name === undefined) return `${part} of ${of}`;
  switch (part) {
    case 'descriptions':
      return `description of ${name} of ${of}`;
    case 'guardrails':
      return `guardrail ${name} of ${of}`;
    default:
      return `${part === 'tools' ? 'tool' : 'handoff'} "${name}" of ${of}`;
  }
}

const isRecord = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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
