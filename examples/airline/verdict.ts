/** Whether a conversation did what its customer wanted: the same end of the database, and the texts that were due. */
import { sameDatabase } from './database.ts';
import type { Database } from './database.ts';
import type { JsonObject } from './json.ts';
import { callTool } from './tools.ts';

/** What a perfect agent does: the calls it makes, and what it must have told the customer. */
export type Goal = {
  readonly actions: readonly { readonly name: string; readonly kwargs: JsonObject }[];
  readonly outputs: readonly string[];
};

/**
 * What an agent did: the database as it left it, and what it said to the customer. A text beside a tool call is not
 * said to anybody: the turn goes on with the call, and the recorded verdicts do not count it either.
 */
export type Conduct = { readonly database: Database; readonly texts: readonly string[] };

// They change nothing and say nothing that could be compared.
const SKIPPED = new Set(['respond', 'transfer_to_human_agents']);

/** 1 when `conduct` reaches `goal`, else 0. `fresh` is a database as it was at the start; it is changed. */
export function verdict(goal: Goal, conduct: Conduct, fresh: Database): 0 | 1 {
  for (const { name, kwargs } of goal.actions) {
    if (!SKIPPED.has(name)) callTool(fresh, name, JSON.stringify(kwargs));
  }
  if (!sameDatabase(conduct.database, fresh)) return 0;
  const texts = conduct.texts.map((text) => text.toLowerCase().replaceAll(',', ''));
  return goal.outputs.every((due) => texts.some((text) => text.includes(due.toLowerCase()))) ? 1 : 0;
}
