/**
 * What an endpoint answers to spans: an ExportTraceServiceResponse, in protobuf or JSON, empty where all were taken.
 *
 * A status of 200 alone is no such answer: a login page has it too. Some servers answer in the encoding that they were
 * not asked in, or name none, so that what the bytes are counts for more than what the header says.
 */
import { readProto } from './protobuf.ts';

/** What a server says of a request that it took: zero and no message mean all of it. */
export type PartialSuccess = Readonly<{ rejected: number; message: string }>;

const PROTOBUF = /^application\/(?:(?:x-)?protobuf|octet-stream)$/;

/**
 * Reads an answer; undefined where it is none of OTLP.
 *
 * @param type media type without parameters, empty where there is none
 */
export function readOtlpAnswer(bytes: Uint8Array, type: string): PartialSuccess | undefined {
  if (bytes.length === 0) return { rejected: 0, message: '' };
  try {
    return fromJson(bytes);
  } catch {
    // A page of text can look like protobuf: only what does not say that it is something else may be that.
    if (type !== '' && !PROTOBUF.test(type)) return undefined;
  }
  try {
    return fromProtobuf(bytes);
  } catch {
    return undefined;
  }
}

/** The media type of a response, such as `text/html`; empty where there is none that can be shown. */
export const mediaTypeOf = (headers: Headers): string =>
  /^[\w.+-]{1,64}\/[\w.+-]{1,64}/.exec(headers.get('content-type') ?? '')?.[0].toLowerCase() ?? '';

/** @throws SyntaxError where it is no JSON object */
function fromJson(bytes: Uint8Array): PartialSuccess {
  const answer: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw new SyntaxError('no object');
  const partial = field(answer, 'partialSuccess');
  const message = field(partial, 'errorMessage');
  return partialOf(Number(field(partial, 'rejectedSpans') ?? 0), typeof message === 'string' ? message : '');
}

/** ExportTraceServiceResponse { partialSuccess 1 { rejectedSpans 1, errorMessage 2 } }. @throws RangeError */
function fromProtobuf(bytes: Uint8Array): PartialSuccess {
  let rejected = 0;
  let message = '';
  for (const { field: number, value } of readProto(bytes)) {
    if (number !== 1 || typeof value === 'bigint') continue;
    for (const inner of readProto(value)) {
      if (inner.field === 1 && typeof inner.value === 'bigint') rejected = Number(BigInt.asIntN(64, inner.value));
      if (inner.field === 2 && typeof inner.value !== 'bigint') message = new TextDecoder().decode(inner.value);
    }
  }
  return partialOf(rejected, message);
}

const partialOf = (rejected: number, message: string): PartialSuccess => ({
  rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
  message,
});

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
