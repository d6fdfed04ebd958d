/**
 * Recorded airline conversations, each message a durable run in the conversation's session, by processes that are
 * killed again and again: what the tools gave and the verdict are as recorded, no change of a booking was made twice,
 * and the session holds what was said, once and in order.
 *
 * BATON_AIRLINE_DATA says where the conversations are (../shared/data/airline unless set), BATON_AIRLINE_KILLS how many
 * kills are made (100 unless set; one to four a conversation).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withUniqueCallIds } from '../../../examples/airline/call-ids.ts';
import { type AirlineData, type Conversation, loadData } from '../../../examples/airline/data.ts';
import { openDatabase } from '../../../examples/airline/database.ts';
import { isPythonMessage, sameOutput } from '../../../examples/airline/replay.ts';
import { startReplayServer } from '../../../examples/airline/replay-server.ts';
import { callTool } from '../../../examples/airline/tools.ts';
import { verdict } from '../../../examples/airline/verdict.ts';
import { at } from '../../../scripts/lib/script.ts';
import type { EventLog } from '../../../src/index.ts';
import { isTurnAwareSession } from '../../../src/session/index.ts';
import type { Committed } from '../../../src/kernel/index.ts';
import { brokenLaws } from '../../kernel/laws.ts';
import { type Random, random, upTo } from '../random.ts';
import { deskFile, outcomeFile, runIdOf, type Said, sessionIdOf, type Told } from './airline.ts';
import { openLog, openSession, type Place, type Store } from './paths.ts';
import { type Order } from './points.ts';
import { Workers } from './workers.ts';

const DATA = process.env['BATON_AIRLINE_DATA'] ?? at('..', 'shared', 'data', 'airline');
const KILLS = Number(process.env['BATON_AIRLINE_KILLS'] ?? '100');
const SEED = Number(process.env['BATON_KILL_SEED'] ?? '1');
const store: Store = process.env['BATON_KILL_ON'] === 'postgres' ? 'postgres' : 'sqlite';
const TRACKS = 3;
const LEASE_MS = 60_000;

if (existsSync(DATA)) {
  test(`airline conversations on ${store} whose processes are killed end as recorded`, killed, 3_600_000);
} else {
  console.error(`!!! SKIPPED airline conversations: ${DATA} does not exist. Set BATON_AIRLINE_DATA.`);
  test.skip('airline conversations need BATON_AIRLINE_DATA', () => undefined);
}

type Counts = { conversations: number; kills: number; outputs: number; changes: number };

async function killed(): Promise<void> {
  const data = await loadData(DATA);
  const conversations = data.conversations.map(withUniqueCallIds);
  const server = await startReplayServer(conversations);
  process.env['BATON_AIRLINE_DATA'] = DATA;
  process.env['BATON_AIRLINE_SERVER'] = new URL(server.baseURL).origin;
  const place: Place = { folder: mkdtempSync(join(tmpdir(), 'baton-airline-')), store };
  const workers = await Workers.open('airline-worker.fixture', place);
  const log = openLog(place);
  const counts: Counts = { conversations: 0, kills: 0, outputs: 0, changes: 0 };
  const problems: string[] = [];
  const r = random(SEED);
  const waiting = conversations.entries();
  const track = async (): Promise<void> => {
    for (const [index, conversation] of waiting) {
      if (counts.kills >= KILLS) return;
      const found = [...(await played(workers, { index, r, counts }))];
      if (found.length === 0) found.push(...judged(place, data, { conversation, index, counts }));
      found.push(...(await left(place, log, { conversation, index })));
      problems.push(...found.map((each) => `conversation ${index}: ${each}`));
    }
  };
  try {
    await Promise.all(Array.from({ length: TRACKS }, track));
  } finally {
    await workers.close();
    await log.close();
    await server.close();
  }
  console.log(JSON.stringify({ store, seed: SEED, ...counts }));
  if (problems.length === 0) rmSync(place.folder, { recursive: true, force: true });
  expect(problems, `seed ${SEED}, folder ${place.folder}`).toEqual([]);
  expect(counts.kills).toBeGreaterThanOrEqual(Math.min(KILLS, counts.conversations));
}

/** Plays a conversation, its processes killed until they had enough of it. */
async function played(
  workers: Workers,
  { index, r, counts }: { index: number; r: Random; counts: Counts },
): Promise<string[]> {
  const kills = 1 + upTo(r, 4);
  for (let life = 0; life < 40; life++) {
    const order: Order =
      life >= kills
        ? { do: 'live' }
        : r() < 0.5
          ? { do: 'be killed', ms: r() * 250 }
          : { do: 'die', at: 1 + Math.floor(r() * 80) };
    const worker = await workers.take();
    const job = { runId: `c${index}`, seed: index, life, worker: `of-${index}`, leaseMs: LEASE_MS, order };
    const ended = await worker.begin(job);
    workers.giveBack(worker);
    if (ended === 'stopped') return ['it stands still'];
    if (ended.how === 'wrong') return [ended.what];
    if (ended.how === 'done') {
      counts.conversations += 1;
      return [];
    }
    if (ended.how === 'killed') counts.kills += 1;
  }
  return ['it does not come to its end'];
}

type Case = { conversation: Conversation; index: number };

/** What is not as recorded. */
function judged(
  { folder }: Place,
  { start }: AirlineData,
  { conversation, index, counts }: Case & { counts: Counts },
): string[] {
  const told = JSON.parse(readFileSync(outcomeFile(folder, index), 'utf8')) as Told;
  const file = deskFile(folder, index);
  const said = (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []).map(
    (line) => JSON.parse(line) as Said,
  );
  const database = openDatabase(start);
  for (const { name, argumentsText } of said) callTool(database, name, argumentsText);
  const problems: string[] = [];
  const keys = said.map(({ key }) => key);
  if (new Set(keys).size < keys.length) problems.push(`a change was made twice: ${keys.join(', ')}`);
  const recorded = conversation.messages.flatMap((message) => (message.role === 'tool' ? [message.output] : []));
  if (told.outputs.length !== recorded.length)
    problems.push(`${told.outputs.length} tool outputs, recorded ${recorded.length}`);
  for (const [n, output] of recorded.entries()) {
    counts.outputs += 1;
    if (!sameOutput(output, told.outputs[n]) && !isPythonMessage(output))
      problems.push(`call ${n} answered ${told.outputs[n]?.slice(0, 120)}, recorded ${output.slice(0, 120)}`);
  }
  counts.changes += said.length;
  const reached = verdict(conversation.goal, { database, texts: told.texts }, openDatabase(start));
  if (reached !== conversation.reward) problems.push(`verdict ${reached}, recorded ${conversation.reward}`);
  return problems;
}

/** What of the logs and the session is not as it must be after the end. */
async function left(place: Place, log: EventLog, { conversation, index }: Case): Promise<string[]> {
  const problems: string[] = [];
  const asked: string[] = [];
  for (const [position, message] of conversation.messages.entries()) {
    if (message.role !== 'user' || conversation.messages[position + 1] === undefined) continue;
    asked.push(message.text);
    const read = await log.read(runIdOf(index, position));
    if (read?.info.status !== 'finished') problems.push(`message ${position} is ${read?.info.status ?? 'not begun'}`);
    if (read?.info.lease.owner !== undefined) problems.push(`message ${position} is still leased`);
    problems.push(...brokenLaws((read?.events ?? []).map(({ event }) => event as Committed)));
  }
  const session = openSession(place, sessionIdOf(index), false);
  const items = await session.getItems();
  const texts = items.flatMap((item) => ('role' in item && item.role === 'user' ? [textOf(item.content)] : []));
  if (texts.join('\n') !== asked.join('\n')) problems.push('the session holds other words of the customer');
  const calls = items.flatMap((item) => (item.type === 'function_call' ? [item.callId] : []));
  const made = conversation.messages.flatMap((message) =>
    message.role === 'assistant' ? message.calls.map(({ id }) => id) : [],
  );
  if (calls.join() !== made.join())
    problems.push(`the session holds the calls ${calls.join()}, recorded ${made.join()}`);
  try {
    if (isTurnAwareSession(session)) await (await session.takeTurn({ runId: 'after', onBusy: 'reject' })).end();
  } catch (error) {
    problems.push(`the turn on the session is not free: ${String(error)}`);
  }
  await session.close();
  return problems;
}

const textOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content));
