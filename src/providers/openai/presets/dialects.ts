/** Differences that several servers have in common. */
import { isObject, type Json } from '../json.ts';

/**
 * These servers know only words as a choice of tools, and refuse or forget a tool that is named. Offering that tool
 * alone, and demanding a call, says the same.
 */
export function chooseByOffering(body: Json): Json {
  const { tool_choice: choice, tools } = body;
  if (!isObject(choice) || !isObject(choice['function']) || !Array.isArray(tools)) return body;
  const { name } = choice['function'];
  const named = tools.filter(
    (tool: unknown) => isObject(tool) && isObject(tool['function']) && tool['function']['name'] === name,
  );
  return { ...body, tools: named, tool_choice: 'required' };
}

/** A number that a server wrote as text. `undefined` where it wrote none. */
export function numberIn(value: unknown): number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
