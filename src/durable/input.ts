/** Input that goes into the inbox of a run. What is no input must not get there: no worker could take the run up again. */
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';

/** @throws UserError that says whose input it is */
export function itemsOf(input: unknown, whose: string): AgentInputItem[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  const isItem = (each: unknown): boolean => typeof each === 'object' && each !== null && !Array.isArray(each);
  if (Array.isArray(input) && input.every(isItem)) return input as AgentInputItem[];
  const got = JSON.stringify(input)?.slice(0, 80) ?? typeof input;
  throw new UserError(`${whose} must be a text or a list of items. Got ${got}.`);
}
