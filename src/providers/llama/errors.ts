/** What can be wrong with a local model before it answers anything. */
import { UserError } from '../../protocol/errors.ts';

export type LocalModelErrorCode =
  | 'local-model/no-library'
  | 'local-model/no-file'
  | 'local-model/checksum'
  | 'local-model/unreadable'
  | 'local-model/download';

/** A local model cannot be used: the library, the file or its hash. `code` says which; the message says what to do. */
export class LocalModelError extends UserError {
  override readonly code: LocalModelErrorCode;

  constructor(code: LocalModelErrorCode, message: string, cause?: unknown) {
    super(message);
    this.code = code;
    if (cause !== undefined) this.cause = cause;
  }
}
