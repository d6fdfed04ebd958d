/** Cassettes that were made of stored runs, as a place that can forget them. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErasablePlace } from '../store/erase.ts';
import { FORMAT } from './types.ts';

/**
 * The cassettes in a folder, and in folders in it, that `cassetteOf` made of runs: to erase, with the runs, by a
 * `RunStore`. A file goes whole when it is of one of the runs. A cassette that was recorded at a model knows no run and
 * stays: what is said in tests is yours to choose. Files are deleted, their place on the disk is not overwritten.
 *
 * @example
 * import { storedCassettes } from '@baton/agents/cassettes';
 *
 * const cassettes = storedCassettes({ folder: '/tmp/baton-no-such-folder' });
 * console.log(await cassettes.erase({ sessions: [], runs: ['r1'] })); // 0
 */
export function storedCassettes({ folder }: { folder: string }): ErasablePlace {
  return {
    name: 'cassettes',
    async erase({ runs, all = false }) {
      const wanted = new Set(runs);
      let erased = 0;
      for (const file of await filesIn(folder)) {
        const runId = runIdOf(await readFile(file, 'utf8').catch(() => ''));
        if (runId === undefined || !(all || wanted.has(runId))) continue;
        await rm(file, { force: true });
        erased += 1;
      }
      return erased;
    },
    close: async () => undefined,
  };
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    // A folder that is not there holds nothing.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for what is no cassette, or of no run. */
function runIdOf(text: string): string | undefined {
  if (!text.includes(FORMAT)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isCassette = typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT;
    return isCassette && 'runId' in value && typeof value.runId === 'string' ? value.runId : undefined;
  } catch {
    // Damaged, so it cannot be told whose it is; its owner is told when it is played.
    return undefined;
  }
}
