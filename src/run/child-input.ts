/**
 * The input of a sub-agent, made of the arguments of its call.
 */
import type { AgentToolSpec } from '../agent/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { JsonObjectSchema } from '../protocol/json.ts';
import { toObjectSchema } from '../schema/index.ts';

export async function childInput(spec: AgentToolSpec, params: unknown): Promise<string | AgentInputItem[]> {
  const { inputBuilder, includeInputSchema } = spec.options;
  if (!spec.parameters && !inputBuilder) return plainInput(params);
  const schema = spec.parameters
    ? toObjectSchema(spec.parameters, { name: spec.agent.name, strict: true, io: 'input' })
    : undefined;
  const summary = schema && summarise(schema);
  if (inputBuilder) {
    return inputBuilder({
      params,
      ...(summary !== undefined && { summary }),
      ...(includeInputSchema && schema && { jsonSchema: schema }),
    });
  }
  if (summary === undefined && !includeInputSchema) return JSON.stringify(params);
  const parts = [`You are called as a tool. These are the arguments:\n${JSON.stringify(params, null, 2)}`];
  if (includeInputSchema && schema) parts.push(`They follow this JSON Schema:\n${JSON.stringify(schema, null, 2)}`);
  else if (summary) parts.push(`Their meaning:\n${summary}`);
  return parts.join('\n\n');
}

function plainInput(params: unknown): string {
  if (typeof params === 'object' && params !== null && 'input' in params && typeof params.input === 'string')
    return params.input;
  return typeof params === 'string' ? params : JSON.stringify(params);
}

/** One line a described property; `undefined` where nothing is described. */
function summarise(schema: JsonObjectSchema): string | undefined {
  const lines = Object.entries(schema.properties).flatMap(([name, { description, type }]) =>
    typeof description === 'string' ? [`- ${name}${typeof type === 'string' ? ` (${type})` : ''}: ${description}`] : [],
  );
  return lines.length > 0 ? lines.join('\n') : undefined;
}
