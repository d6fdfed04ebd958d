import { expect, test } from 'vitest';
import { BranchedSession } from './branches/branched-session.ts';
import { CompactedView } from './compaction/view.ts';
import { MemorySession } from './memory-session.ts';
import { EncryptedSession } from './sealed/encrypted-session.ts';
import type { Session } from './types.ts';

const wrappers: [string, (inner: Session) => unknown][] = [
  ['EncryptedSession', (inner) => new EncryptedSession(inner, { keys: [{ id: 'k', key: new Uint8Array(32) }] })],
  ['a compacting session', (inner) => new CompactedView(inner)],
  ['BranchedSession', (inner) => new BranchedSession('s', { open: () => inner })],
];

test.each(wrappers)('%s refuses what is no session, and one that needs the context of the run', (_, wrap) => {
  expect(() => wrap(Object.assign(new MemorySession(), { acceptsRunContext: true }))).toThrow('acceptsRunContext');
  expect(() => wrap('s1' as never)).toThrow('Got string');
  expect(() => wrap(undefined as never)).toThrow('Got undefined');
});
