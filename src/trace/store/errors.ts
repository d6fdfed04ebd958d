import { AgentsError } from '../../protocol/errors.ts';
import type { StoreErrorKind } from '../../store/sqlite/failure.ts';
import type { Failure } from '../../store/write.ts';

/** Why a trace store could not be read or written. */
export type TraceStoreErrorCode = `trace-store/${StoreErrorKind | 'missing' | 'closed'}`;

/** A trace store is missing, or its file fails. `code` tells how; `cause` is what the database said. */
export class TraceStoreError extends AgentsError {
  override readonly code: TraceStoreErrorCode;

  constructor(code: TraceStoreErrorCode, message: string, cause?: unknown) {
    super(message);
    this.code = code;
    if (cause !== undefined) this.cause = cause;
  }
}

const KINDS: ReadonlySet<string> = new Set<StoreErrorKind>([
  'busy',
  'full',
  'read-only',
  'cannot-open',
  'not-a-database',
  'newer-schema',
  'moved',
  'lost',
  'store',
]);
const isKind = (kind: string): kind is StoreErrorKind => KINDS.has(kind);

/** The error for a failure that came as data from the writer thread. */
export function traceStoreError({ code, message, cause }: Failure): TraceStoreError {
  const kind = code.replace(/^store\//, '');
  const why = cause === undefined ? undefined : new Error(cause);
  return new TraceStoreError(`trace-store/${isKind(kind) ? kind : 'store'}`, message, why);
}
