import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storedCassettes } from './index.ts';

test('a file that cannot be read is not taken for one that holds nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-cassettes-'));
  try {
    const file = join(folder, 'large.json');
    writeFileSync(file, '');
    // A hole: more than Node reads into one text, and nothing on the disk.
    truncateSync(file, 2 ** 31 + 1);
    const erased = storedCassettes({ folder }).erase({ sessions: [], runs: ['r1'] });
    await expect(erased).rejects.toMatchObject({ code: 'cassette/format', message: expect.stringContaining(file) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
