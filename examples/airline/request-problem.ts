/** Why a request is refused, in the words and the shape of the real service. */
import type { JsonObject } from './json.ts';

export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  // oxlint-disable-next-line eslint/max-params -- the fields of the vendor's body, mostly left out
  constructor(message: string, param: string | null = null, code: string | null = null, status = 400) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }

  /** The body of the answer. */
  body(): JsonObject {
    const type = this.status < 500 ? 'invalid_request_error' : 'server_error';
    return { error: { message: this.message, type, param: this.param, code: this.code } };
  }
}
