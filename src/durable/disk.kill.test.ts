/** Durable runs on a disk that is full, and on one that cannot be written any more: they fail with a word and go on. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** A mount of its own, which ends with the process. Root gets one, and whom the system lets have user namespaces. */
const ways = [
  ['unshare', '--mount', 'sh', '-c'],
  ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
];
const alone = ways.find(
  ([command = '', ...args]) => spawnSync(command, [...args, 'mount -t tmpfs tmpfs /mnt']).status === 0,
);
if (!alone) console.warn('!!! SKIPPED: this machine lets nobody mount a disk of a test; a full disk is not tested.');

test.skipIf(!alone)(
  'runs meet a full disk and one that is read-only; after repair they end as if nothing had been',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-disk-'));
    try {
      const small = join(folder, 'small');
      mkdirSync(small);
      const fixture = new URL('disk.fixture.ts', import.meta.url).pathname;
      const script = 'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1"';
      const [command = '', ...args] = alone ?? [];
      const { stdout, stderr } = spawnSync(command, [...args, script, 'sh', small, process.execPath, fixture], {
        encoding: 'utf8',
      });
      expect(stderr).not.toContain('Error');
      const whole = { finalOutput: 'Booked 6.', once: 6, items: 14 };
      const { full, readOnly } = JSON.parse(stdout);
      expect(full).toMatchObject({ ...whole, isKept: true, failed: 'log/full' });
      expect(full.message).toContain('make room');
      expect(full.calls).toBeLessThanOrEqual(7);
      expect(full.acknowledged).toBeGreaterThan(10);
      // SQLite cannot make its write-ahead log there.
      expect(readOnly).toMatchObject({ ...whole, calls: 6, failed: 'log/cannot-open' });
      expect(readOnly.message).toMatch(/check that the folder .* exists, with access/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
