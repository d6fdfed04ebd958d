/**
 * What the options of an agent must be, told when the agent is made: with its name, what was given, and what to do.
 */
import { UserError } from '../protocol/errors.ts';
import { qualifiedName } from '../tools/index.ts';
import type { Tool } from './agent.ts';

const LISTS = ['tools', 'handoffs', 'inputGuardrails', 'outputGuardrails'] as const;

/** @throws UserError for what is no list or no guardrail, and for servers that would be left out */
export function checkLists(agent: string, options: Readonly<Record<string, unknown>>): void {
  for (const key of LISTS) {
    const given: unknown = options[key] ?? [];
    if (!Array.isArray(given))
      throw new UserError(`Agent "${agent}": "${key}" takes a list, but got ${whatIs(given)}. Put it into [ ].`);
    if (!key.endsWith('Guardrails')) continue;
    const odd = given.findIndex((entry) => typeof entry?.execute !== 'function');
    if (odd >= 0)
      throw new UserError(
        `Agent "${agent}": "${key}" takes guardrails, but got ${whatIs(given[odd])}. Pass { name, execute }, where execute gives { tripwireTriggered }.`,
      );
  }
  const { mcpServers } = options;
  if (Array.isArray(mcpServers) && mcpServers.length > 0)
    throw new UserError(
      `Agent "${agent}" has "mcpServers", which this version does not support: it would run without their tools. Make what it needs with tool().`,
    );
}

/** @throws UserError for what is no tool, and for two function tools of one name */
export function checkTools(agent: string, tools: readonly Tool[]): void {
  const names = new Set<string>();
  for (const tool of tools) {
    if (typeof tool !== 'object' || typeof tool?.type !== 'string') {
      throw new UserError(
        `Agent "${agent}": "tools" takes tools, but got ${whatIs(tool)}. Make one with tool({ name, description, parameters, execute }), or of an agent with agent.asTool().`,
      );
    }
    if (tool.type !== 'function') continue;
    const name = qualifiedName(tool);
    if (names.has(name)) {
      throw new UserError(`Agent "${agent}" has two function tools named "${name}". Give one of them another name.`);
    }
    names.add(name);
  }
}

export const notAHandoff = (agent: string, target: unknown): UserError =>
  new UserError(
    `Agent "${agent}": "handoffs" takes agents and handoffs, but got ${whatIs(target)}. Pass the agent or handoff(agent).`,
  );

export function checkToolUse(agent: string, behavior: unknown): void {
  if (behavior === 'run_llm_again' || behavior === 'stop_on_first_tool' || typeof behavior === 'function') return;
  if (typeof behavior === 'object' && behavior !== null && 'stopAtToolNames' in behavior) {
    if (Array.isArray(behavior.stopAtToolNames)) return;
  }
  throw new UserError(
    `Agent "${agent}": toolUseBehavior is ${JSON.stringify(behavior)}. ` +
      "Use 'run_llm_again', 'stop_on_first_tool', { stopAtToolNames: [...] } or a function.",
  );
}

export function checkOutputType(agent: string, type: unknown): void {
  if (type === 'text') return;
  const isObject = (typeof type === 'object' || typeof type === 'function') && type !== null;
  if (isObject && ('~standard' in type || ('schema' in type && typeof type.schema === 'object'))) return;
  throw new UserError(
    `Agent "${agent}": outputType is ${typeof type === 'string' ? `"${type}"` : whatIs(type)}. ` +
      "Use 'text', a zod object, another Standard Schema, or { type: 'json_schema', name, strict, schema }.",
  );
}

const whatIs = (value: unknown): string =>
  value === null || value === undefined
    ? String(value)
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
