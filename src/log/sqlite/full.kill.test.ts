import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job } from '../appender.fixture.ts';
import { inspectRuns, startAppender } from '../processes.fixture.ts';
import type { Appender } from '../processes.fixture.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-log-full-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
/** A mount of its own, which ends with the process. Not every machine lets an ordinary user have one. */
const alone = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'];
const canMount = spawnSync('unshare', [...alone.slice(1), 'mount -t tmpfs tmpfs /mnt']).status === 0;

const runs = Array.from({ length: 4 }, (_, n) => `r${n}`);
const jobOf = (path: string): Job => ({ path, name: 'p', runs, timeoutMs: 2000, stopsAtError: true });

async function expectFull(appender: Appender, { path, code }: { path: string; code: string }): Promise<void> {
  const report = await appender.ended;
  expect(report?.errors.length).toBeGreaterThan(0);
  for (const error of report?.errors ?? []) {
    expect(error.startsWith(`${code} `)).toBe(true);
    expect(error).toContain('Nothing of the call was saved');
  }
  expect(appender.acknowledged.length).toBeGreaterThan(50);
  expect(await inspectRuns(path, runs, appender.acknowledged)).toEqual([]);
}

test.skipIf(!canMount)('when the disk is full, commits fail with a word, and what was acknowledged stays', async () => {
  const small = join(folder, 'small');
  const kept = join(folder, 'kept.db');
  // The disk goes with the process, so what is on it is copied at the end, WAL and all.
  const script = `mkdir ${quoted(small)} && mount -t tmpfs -o size=2m tmpfs ${quoted(small)} && "$@";
    cp ${quoted(small)}/x.db ${quoted(kept)}; cp ${quoted(small)}/x.db-wal ${quoted(`${kept}-wal`)} || true`;
  const appender = startAppender(jobOf(join(small, 'x.db')), [...alone, script, 'sh']);
  await expectFull(appender, { path: kept, code: 'log/full' });
});

test('when a file may not grow further, commits fail with a word, and there is more room later', async () => {
  const path = join(folder, 'x.db');
  const limited = startAppender(jobOf(path), ['sh', '-c', 'ulimit -f 1500; exec "$@"', 'sh']);
  // SQLite does not tell this from a failing disk.
  await expectFull(limited, { path, code: 'log/store' });
  const later = startAppender({ ...jobOf(path), name: 'later', commits: 50 });
  expect((await later.ended)?.errors).toEqual([]);
  expect(await inspectRuns(path, runs, [...limited.acknowledged, ...later.acknowledged])).toEqual([]);
});
