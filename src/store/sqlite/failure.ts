/** What SQLite's result codes mean to a user. */
import { dirname } from 'node:path';
import { AgentsError, UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';
import type { Failure } from '../write.ts';

/** What a file can fail with, whoever asks: each component has an error class of its own for it. */
export type StoreErrorKind =
  | 'busy'
  | 'full'
  | 'read-only'
  | 'cannot-open'
  | 'not-a-database'
  | 'newer-schema'
  | 'moved'
  | 'lost'
  | 'store';

export class StoreError extends AgentsError {
  override readonly code: `store/${StoreErrorKind}`;
  declare readonly blockedBy?: number;

  constructor(kind: StoreErrorKind, message: string, details: { blockedBy?: number; cause?: unknown } = {}) {
    super(message);
    this.code = `store/${kind}`;
    if (details.blockedBy !== undefined) this.blockedBy = details.blockedBy;
    if (details.cause !== undefined) this.cause = details.cause;
  }
}

/** Errors lose their class between threads. */
export function failureOf(error: AgentsError): Failure {
  const { code, positions, blockedBy }: Pick<Failure, 'code' | 'positions' | 'blockedBy'> = error;
  const { message, cause } = error;
  return {
    code,
    message,
    ...(positions && { positions }),
    ...(blockedBy !== undefined && { blockedBy }),
    ...(cause instanceof Error && { cause: cause.message }),
  };
}

/** Primary result codes, https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const FULL = 13;
const CANTOPEN = 14;
const TOOBIG = 18;
const CORRUPT = 11;
const NOTADB = 26;
/** SQLITE_IOERR_SHMSIZE: the shared memory of the WAL could not grow. */
const IOERR_SHMSIZE = 4874;

/** Whether another connection is in the way and a second try may get through. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && [BUSY, LOCKED].includes(code & 0xff);
}

/** The error that the user gets for one that a call of the database threw. */
export function failed(error: unknown, path: string): AgentsError {
  if (error instanceof AgentsError) return error;
  const code = sqliteCode(error) ?? 0;
  const said = error instanceof Error ? error.message : String(error);
  if ((code & 0xff) === TOOBIG) {
    return new UserError(`An item is too large for ${path}: SQLite takes 1 GB at most. Nothing of the call was saved.`);
  }
  const [kind, what] = meaning(code, path);
  return new StoreError(kind, `${path}: ${what}. Nothing of the call was saved. (SQLite says: ${said})`, {
    cause: error,
  });
}

function meaning(code: number, path: string): [StoreErrorKind, string] {
  const folder = dirname(path);
  if (code === IOERR_SHMSIZE) return ['full', `no space left in ${folder}; free some and call again`];
  switch (code & 0xff) {
    case IOERR:
      return ['store', 'reading or writing failed; check the disk, and the limit on the size of files (ulimit -f)'];
    case FULL:
      return ['full', `the disk or the file's page limit is full; make room in ${folder} and call again`];
    case READONLY:
      return ['read-only', `the file cannot be written; give this process write access to it and to ${folder}`];
    case CANTOPEN:
      return ['cannot-open', `the file cannot be opened; check that the folder ${folder} exists, with access`];
    case NOTADB:
      return ['not-a-database', 'the file is no SQLite database; choose another path'];
    case CORRUPT:
      return ['not-a-database', 'the database file is damaged; restore it from a backup, keep it for repair'];
    default:
      return ['store', 'the database failed'];
  }
}

/** @param waitedMs how long the caller was ready to wait */
export function busy(path: string, waitedMs: number, error: unknown): StoreError {
  const blockedBy = lockHolder(path);
  const who = blockedBy === undefined ? 'another process' : `process ${blockedBy}`;
  return new StoreError(
    'busy',
    `${path}: ${who} has held the write lock for ${waitedMs} ms. Nothing was changed. ` +
      'See whether it is stopped inside a transaction, or raise timeoutMs.',
    { cause: error, ...(blockedBy !== undefined && { blockedBy }) },
  );
}

/** @param waitedMs how long the caller was ready to wait */
export function unscrubbed(path: string, waitedMs: number, cause: Error): StoreError {
  return new StoreError(
    'busy',
    `${path}: others have read or written for ${waitedMs} ms without a gap. What was to be erased is deleted, but ` +
      `${path}-wal still holds it. Erase again when they are done: only that is left to do.`,
    { cause },
  );
}

/**
 * The process that holds the write lock, as Linux tells it: byte 120 of the shared-memory file.
 * The file is not opened: closing any descriptor of it would drop the locks of this process.
 */
function lockHolder(path: string): number | undefined {
  try {
    const { ino } = node.fs.statSync(`${path}-shm`);
    for (const line of node.fs.readFileSync('/proc/locks', 'utf8').split('\n')) {
      const [, pid, inode] = /WRITE +(\d+) \S+:(\d+) 120 \d+$/.exec(line) ?? [];
      if (inode === String(ino) && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // Other systems have no such list.
  }
  return undefined;
}

/** NFS, SMB, SMB2, CIFS: the locks and the shared memory that WAL needs do not work there. */
const NETWORK_FILE_SYSTEMS: readonly number[] = [0x6969, 0x517b, 0xfe534d42, 0xff534d42];

/** @throws StoreError `store/cannot-open` when the folder is on a network */
export function refuseNetwork(path: string, typeOf: (folder: string) => number = fileSystemType): void {
  // Where the type is 32 bits and signed, the larger ones come out negative.
  if (!NETWORK_FILE_SYSTEMS.includes(typeOf(dirname(path)) >>> 0)) return;
  throw new StoreError(
    'cannot-open',
    `${path} is on a network file system, where SQLite's locks do not hold. Use a local disk.`,
  );
}

function fileSystemType(folder: string): number {
  try {
    return node.fs.statfsSync(folder).type;
  } catch {
    // No such folder: opening the file says so better.
    return 0;
  }
}

function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined;
}
