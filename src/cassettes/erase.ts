/** Cassettes that were made of stored runs, as a place that can forget them. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErasablePlace } from '../store/erase.ts';
import { CassetteError } from './errors.ts';
import { decode } from './format.ts';
import { anyTapeOf, read } from './tape.ts';
import { type CassetteData, type CassetteEntry, FORMAT } from './types.ts';

/**
 * The cassettes in a folder, and in folders in it, that were made of runs or recorded in them: to erase, with the runs,
 * by a `RunStore`. A file that `cassetteOf` made goes whole. Of one that was recorded, the entries go that a durable run
 * or a session asked for (`keptFor`); others stay, and a file without entries goes. Where another process records to a
 * file meanwhile, it writes again what it has. Files are replaced or deleted, their place on the disk is not
 * overwritten. A folder belongs to one tenant. A file that cannot be read fails the call: what is in it is not erased.
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
    async erase({ runs, sessions, all = false }) {
      const wanted = new Set(runs);
      const asked = new Set(sessions);
      const isMeant = ({ keptFor: { runId, sessionId } = {} }: CassetteEntry): boolean =>
        (runId !== undefined && (all || wanted.has(runId))) ||
        (sessionId !== undefined && (all || asked.has(sessionId)));
      let erased = 0;
      for (const file of await filesIn(folder)) {
        const cassette = cassetteIn((await read(file)) ?? '', file);
        const { runId } = cassette ?? {};
        if (runId !== undefined && (all || wanted.has(runId))) {
          await rm(file, { force: true });
          erased += 1;
        } else if (cassette?.entries.some(isMeant) && (await anyTapeOf(file).forget(isMeant)) > 0) erased += 1;
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

/** Undefined for what is no cassette, or damaged: whose it is cannot be told, its owner is told when it is played. */
function cassetteIn(text: string, file: string): CassetteData | undefined {
  if (!text.includes(FORMAT)) return undefined;
  try {
    return decode(text, file);
  } catch (error) {
    if (error instanceof CassetteError) return undefined;
    throw error;
  }
}
