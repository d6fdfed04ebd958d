/** A response cache's store in memory: for one process, and gone with it. */
import { UserError } from '../../protocol/errors.ts';
import type { ResponseCacheKey, ResponseCacheStore } from './types.ts';

export type MemoryResponseStoreOptions = {
  /** The most that it holds, in bytes of UTF-8 with keys; what was not used for the longest time goes first. @default 64 MiB */
  maxBytes?: number;
  /** Milliseconds, for tests. @default Date.now */
  now?: () => number;
};

type Entry = { text: string; until: number; bytes: number };

const DEFAULT_BYTES = 64 * 1024 * 1024;

/** @throws UserError for a limit that is no number above 0 */
export function memoryResponseStore(options: MemoryResponseStoreOptions = {}): ResponseCacheStore {
  const { maxBytes = DEFAULT_BYTES, now = Date.now } = options;
  if (!(maxBytes > 0)) throw new UserError(`memoryResponseStore got maxBytes: ${maxBytes}. Give a number above 0.`);
  // A map remembers the order in which its entries came: the first one is the oldest.
  const entries = new Map<string, Entry>();
  let held = 0;
  const drop = (id: string): void => {
    held -= entries.get(id)?.bytes ?? 0;
    entries.delete(id);
  };
  return {
    async get(at) {
      const id = idOf(at);
      const entry = entries.get(id);
      if (!entry) return undefined;
      drop(id);
      if (entry.until <= now()) return undefined;
      entries.set(id, entry);
      held += entry.bytes;
      return entry.text;
    },
    async set(at, text, { ttlMs }) {
      const id = idOf(at);
      drop(id);
      const bytes = Buffer.byteLength(text) + Buffer.byteLength(id);
      if (bytes > maxBytes || !(ttlMs > 0)) return;
      entries.set(id, { text, until: now() + ttlMs, bytes });
      held += bytes;
      for (const oldest of entries.keys()) {
        if (held <= maxBytes) break;
        drop(oldest);
      }
    },
    async clear(tenant) {
      const prefix = idOf({ tenant, key: '' });
      for (const id of entries.keys()) if (id.startsWith(prefix)) drop(id);
    },
    async close() {
      entries.clear();
      held = 0;
    },
  };
}

/** The length in front, so that no tenant's name can be the beginning of another one's. */
export const idOf = ({ tenant, key }: ResponseCacheKey): string => `${tenant.length}:${tenant}\n${key}`;
