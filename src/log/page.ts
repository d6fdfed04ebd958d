/** Where a page of a listing ends: the time of creation, and the id where two have the same. */
import { UserError } from '../protocol/errors.ts';
import type { RunInfo } from './types.ts';

export const cursorOf = ({ createdAt, runId }: Pick<RunInfo, 'createdAt' | 'runId'>): string => `${createdAt}/${runId}`;

/** @throws UserError for what is no cursor */
export function placeOf(cursor: string): { readonly createdAt: number; readonly runId: string } {
  const [, createdAt = '', runId] = /^(\d+)\/(.+)$/s.exec(cursor) ?? [];
  if (runId !== undefined) return { createdAt: Number(createdAt), runId };
  throw new UserError(`\`cursor\` must be the cursor of the page before. Got ${JSON.stringify(cursor)}.`);
}
