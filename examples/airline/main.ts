/**
 * `npm run airline -- --data DIR`: plays recorded support conversations again and compares every tool output and
 * every verdict with the recorded ones. Exit status 0 only when all of them are equal.
 */
import { parseArgs } from 'node:util';
import { withUniqueCallIds } from './call-ids.ts';
import { DataError, loadData } from './data.ts';
import type { AirlineData } from './data.ts';
import { openKeeping } from './durable.ts';
import { logBytes } from './log-bytes.ts';
import { replay } from './replay.ts';
import type { ConversationResult } from './replay.ts';
import { startReplayServer } from './replay-server.ts';
import { clip, harmless } from './terminal.ts';
import { addResult, isEqual, NOTHING } from './totals.ts';
import { openView } from './view.ts';

const USAGE = `Usage: npm run airline -- --data DIR [options]
  --data DIR        folder with conversations.jsonl, policy.md, tools.json, users.json, reservations.json, flights.json
  --stream          run with streaming
  --concurrency N   conversations at the same time (default 1)
  --task N          only the conversations of this task
  --recorded-ids    keep the recorded call ids, which repeat within a conversation (default: an id of its own each)
  --db FILE         keep the sessions in this SQLite file (default: in memory)
  --durable FILE    keep the runs in this log, and decide each again from it: the record must say the same
  --move            each answer comes from another provider: Chat Completions, Responses, Anthropic, AI SDK V3 and V4
  --cassettes DIR   keep one cassette a conversation: recorded where it is missing, then replayed without a model
  --log-bytes       also compare the size of the logs with that of the transcripts; at most twice is well
  --json            end with one line of JSON`;

/** A wrong command line. The message says what to do. */
class UsageError extends Error {}

type Settings = {
  readonly data: string;
  readonly stream: boolean;
  readonly concurrency: number;
  readonly task: number | undefined;
  readonly recordedIds: boolean;
  readonly dbPath: string | undefined;
  readonly cassettes: string | undefined;
  readonly durable: string | undefined;
  readonly json: boolean;
  readonly logBytes: boolean;
  readonly move: boolean;
};

/** How many bytes of log a byte of transcript may cost. */
const MOST_LOG = 2;

const MAX_LISTED = 20;

try {
  process.exitCode = await main(readSettings(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof DataError)) throw error;
  console.error(harmless(error.message));
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = 1;
}

async function main(settings: Settings): Promise<number> {
  const data = await loadSelected(settings);
  const server = await startReplayServer(data.conversations);
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const total = data.conversations.length;
  const view = openView({ screen: process.stdout, env: process.env, total, modelCalls: server.answered, elapsed });
  let results: ConversationResult[];
  let seconds: number;
  const keeping = settings.durable === undefined ? undefined : openKeeping(settings.durable);
  try {
    results = await replay(data, { ...settings, server, keeping, onEvent: (event) => view.event(event) });
    seconds = Math.round(elapsed()) / 1000;
  } finally {
    view.end();
    await server.close();
    await keeping?.close();
  }
  const { allEqual, ...totals } = results.reduce(addResult, NOTHING);
  const refusals = results.flatMap(({ moved }) => moved?.refused ?? []);
  const modelCalls = results.reduce((sum, { moved }) => sum + (moved?.answered ?? 0), server.answered());
  for (const line of complaints(results)) console.log(line);
  console.log(
    `${totals.conversations} conversations in ${seconds} s: ${totals.verdictsEqual} verdicts and ` +
      `${totals.toolOutputsEqual} of ${totals.toolOutputs} tool outputs are as recorded, ${modelCalls} model calls.`,
  );
  if (settings.move) console.log(`Moved at every turn; ${refusals.length} requests were refused.`);
  for (const refusal of refusals.slice(0, MAX_LISTED)) console.log(clip(harmless(refusal), 200));
  const size = settings.logBytes ? logBytes(results, data) : undefined;
  const ratio = size && size.logBytes / size.transcriptBytes;
  if (ratio !== undefined) console.log(`The logs have ${ratio.toFixed(2)} times the bytes of the transcripts.`);
  if (settings.json)
    console.log(
      JSON.stringify({ ...totals, seconds, modelCalls, ...size, ...(settings.move && { refused: refusals.length }) }),
    );
  return allEqual === total && refusals.length === 0 && (ratio ?? 0) <= MOST_LOG ? 0 : 1;
}

async function loadSelected({ data: dir, task, recordedIds }: Settings): Promise<AirlineData> {
  const data = await loadData(dir);
  const conversations = data.conversations.filter((conversation) => task === undefined || conversation.task === task);
  if (conversations.length === 0) {
    const known = [...new Set(data.conversations.map((conversation) => conversation.task))].join(', ');
    throw new UsageError(`There is no task ${task}. The tasks are ${known}.`);
  }
  return { ...data, conversations: recordedIds ? conversations : conversations.map(withUniqueCallIds) };
}

/** What is not as recorded, in a few lines. */
function complaints(results: readonly ConversationResult[]): string[] {
  const lines = results
    .filter((result) => !isEqual(result))
    .flatMap((result) => {
      const { conversation, verdict, failure } = result;
      const place = `task ${conversation.task}, trial ${conversation.trial}`;
      const wrongVerdict = result.verdictEqual
        ? []
        : [`${place}: verdict ${verdict ?? 'none'}, recorded ${conversation.reward}`];
      const outputs = result.mismatches.map(
        ({ call, recorded, produced }) =>
          `${place}: call ${call} answered ${shown(produced)}, recorded ${shown(recorded)}`,
      );
      return [...(failure === undefined ? [] : [`${place}: ${harmless(failure)}`]), ...wrongVerdict, ...outputs];
    });
  const more = lines.length - MAX_LISTED;
  return more > 0 ? [...lines.slice(0, MAX_LISTED), `… and ${more} more`] : lines;
}

function shown(output: string | undefined): string {
  return output === undefined ? 'nothing' : JSON.stringify(clip(harmless(output), 120));
}

function readSettings(args: string[]): Settings {
  const values = parse(args);
  if (values.data === undefined || values.data === '') {
    throw new UsageError('Where is the data? Give the folder of the recorded conversations: --data DIR.');
  }
  return {
    data: values.data,
    stream: values.stream ?? false,
    concurrency: wholeNumber('--concurrency', values.concurrency ?? '1', 1),
    task: values.task === undefined ? undefined : wholeNumber('--task', values.task, 0),
    recordedIds: values['recorded-ids'] ?? false,
    dbPath: values.db,
    cassettes: values.cassettes,
    durable: values.durable,
    json: values.json ?? false,
    logBytes: values['log-bytes'] ?? false,
    move: values.move ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        data: { type: 'string' },
        stream: { type: 'boolean' },
        concurrency: { type: 'string' },
        task: { type: 'string' },
        'recorded-ids': { type: 'boolean' },
        db: { type: 'string' },
        cassettes: { type: 'string' },
        durable: { type: 'string' },
        json: { type: 'boolean' },
        'log-bytes': { type: 'boolean' },
        move: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${flag} takes a whole number of at least ${least}, not "${text}".`);
  }
  return value;
}
