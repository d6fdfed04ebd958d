/**
 * A project that reads the declarations as they are shipped, all of them (`skipLibCheck: false`), without `@types/node`
 * and with no more of TypeScript's library than a browser's project has: tsconfig.json beside it.
 */
import { Agent, run, type SQLiteSession } from '@baton/agents';
import type { Cassette } from '@baton/agents/cassettes';
import type { removeAllTools } from '@baton/agents/extensions';
import type { EventLog } from '@baton/agents/log';
import { ScriptedModel } from '@baton/agents/testing';

export type Kept = { cassette: Cassette; log: EventLog; filter: typeof removeAllTools; session: SQLiteSession };

const stream = await run(new Agent({ name: 'A', model: new ScriptedModel([]) }), 'Hi', { stream: true });
export const text: ReadableStream<string> = stream.toTextStream();
