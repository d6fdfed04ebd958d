/**
 * A process whose runs meet a full disk, then a disk that cannot be written: it says what came of them, and of the same
 * runs after each was mended. It is alone with its mount, which it may fill and remount.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Agent, type AnyAgent, run, RunStore, SQLiteSession, sqliteLog, tool } from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

const [, , folder = ''] = process.argv;
const path = join(folder, 'runs.db');
const STEPS = 6;

const booked: string[] = [];
let atStep: (flight: string) => void = () => undefined;
const book = tool({
  name: 'book',
  description: 'Books.',
  parameters: z.object({ flight: z.string() }),
  effect: 'idempotent',
  execute: async ({ flight }, _, details) => {
    booked.push(details?.idempotencyKey ?? '');
    atStep(flight);
    return `booked ${flight} ${'.'.repeat(20_000)}`;
  },
});
const reply = modelResponder(({ request: { input } }) => {
  const made = Array.isArray(input) ? input.filter(({ type }) => type === 'function_call_result').length : 0;
  return made < STEPS
    ? [functionCall('book', { flight: `LH${made}` }, { callId: `c${made}` })]
    : [assistantMessage(`Booked ${made}.`)];
});
const model = new ScriptedModel(Array.from({ length: 200 }, () => reply));
const agent = new Agent({ name: 'Desk', model, tools: [book] }) as unknown as AnyAgent;

/** Takes all the room there is. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w');
  for (let size = 65_536; size >= 512;) {
    try {
      writeSync(descriptor, Buffer.alloc(size));
    } catch {
      size /= 2;
    }
  }
  closeSync(descriptor);
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : String(error));
const caught = (act: Promise<unknown>): Promise<unknown> => act.catch((error: unknown) => error);

function open(runId: string) {
  const log = sqliteLog({ path, timeoutMs: 5000 });
  const session = new SQLiteSession(`s ${runId}`, { dbPath: path, timeoutMs: 5000 });
  const options = { session, maxTurns: 20 };
  const store = new RunStore({ log, worker: 'w', agents: [agent], resumeOptions: () => options });
  const close = async (): Promise<void> => {
    await store.close();
    await session.close();
  };
  return { log, session, store, options, close };
}

/** The disk is full in the middle of a run. */
async function meetFull(): Promise<object> {
  const filler = join(folder, 'filler');
  const { log, session, store, options } = open('full');
  atStep = (flight) => (flight === 'LH3' ? fill(filler) : undefined);
  const failed = await caught(run(agent, 'Book.', { ...options, durable: { store, runId: 'full' } }));
  const before = await log.read('full');
  rmSync(filler);
  atStep = () => undefined;
  const { finalOutput } = await store.resume('full');
  const after = await log.read('full');
  const items = (await session.getItems()).length;
  await session.close();
  await log.close();
  return {
    failed: codeOf(failed),
    message: failed instanceof Error ? failed.message : '',
    // What was acknowledged is the beginning of what is there now.
    isKept: JSON.stringify(after?.events.slice(0, before?.events.length)) === JSON.stringify(before?.events),
    acknowledged: before?.events.length,
    finalOutput,
    calls: booked.length,
    once: new Set(booked).size,
    items,
  };
}

/** The disk is read-only when somebody takes up a run that waited. A system does not let one become so under a writer. */
async function meetReadOnly(): Promise<object> {
  booked.length = 0;
  const remount = (how: string): void => void execFileSync('mount', ['-o', `remount,${how}`, folder]);
  const first = open('read-only');
  atStep = () => undefined;
  await run(agent, 'Book.', {
    ...first.options,
    maxTurns: 3,
    durable: { store: first.store, runId: 'read-only' },
  }).catch(() => undefined);
  await first.close();
  remount('ro');
  const second = open('read-only');
  const failed = await caught(second.store.resume('read-only'));
  await caught(second.close());
  remount('rw');
  const third = open('read-only');
  const { finalOutput } = await third.store.resume('read-only');
  const items = (await third.session.getItems()).length;
  await third.close();
  return {
    failed: codeOf(failed),
    message: failed instanceof Error ? failed.message : '',
    finalOutput,
    once: new Set(booked).size,
    calls: booked.length,
    items,
  };
}

console.log(JSON.stringify({ full: await meetFull(), readOnly: await meetReadOnly() }));
