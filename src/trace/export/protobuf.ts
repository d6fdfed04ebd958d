/**
 * As much of protobuf's wire format as OTLP needs.
 *
 * P1: the writer goes from the end of its buffer to the front. A nested message is written before its length, so that
 * the length is known and nothing is measured twice; callers write the last field first.
 */

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const utf8 = /* @__PURE__ */ new TextEncoder();
const START_BYTES = 4096;
/** A buffer that one large value made grow is let go again. */
const KEPT_BYTES = 1_048_576;

export class ProtoWriter {
  #buffer = new Uint8Array(START_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #at = START_BYTES;

  /** Bytes written so far. */
  get size(): number {
    return this.#buffer.length - this.#at;
  }

  /** A copy of what was written; the writer is empty again, and keeps its buffer. */
  take(): Uint8Array {
    const bytes = this.#buffer.slice(this.#at);
    if (this.#buffer.length > KEPT_BYTES) this.#replace(new Uint8Array(START_BYTES));
    this.#at = this.#buffer.length;
    return bytes;
  }

  string(field: number, value: string): void {
    // Three bytes are the most that one UTF-16 unit becomes.
    this.#reserve(value.length * 3);
    const length = utf8.encodeInto(value, this.#buffer.subarray(0, value.length * 3)).written;
    this.#at -= length;
    this.#buffer.copyWithin(this.#at, 0, length);
    this.head(field, length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
    this.head(field, value.length);
  }

  /** Writes the length and key of a message whose fields were written since `before`, a value of `size`. */
  message(field: number, before: number): void {
    this.head(field, this.size - before);
  }

  /** Key and length of a field whose `length` bytes come after it. */
  head(field: number, length: number): void {
    this.#varint(length);
    this.#varint(field * 8 + WIRE.bytes);
  }

  /** An unsigned or signed integer of up to 53 bits. */
  varint(field: number, value: number): void {
    if (value >= 0) this.#varint(value);
    else this.#negative(value);
    this.#varint(field * 8 + WIRE.varint);
  }

  fixed64(field: number, value: bigint): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#view.setBigUint64(this.#at, value, true);
    this.#varint(field * 8 + WIRE.fixed64);
  }

  double(field: number, value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#view.setFloat64(this.#at, value, true);
    this.#varint(field * 8 + WIRE.fixed64);
  }

  fixed32(field: number, value: number): void {
    this.#reserve(4);
    this.#at -= 4;
    this.#view.setUint32(this.#at, value, true);
    this.#varint(field * 8 + WIRE.fixed32);
  }

  #varint(value: number): void {
    let bytes = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
    this.#reserve(bytes);
    this.#at -= bytes;
    let rest = value;
    for (let index = 0; index < bytes; index++) {
      this.#buffer[this.#at + index] = (rest % 128) | (index < bytes - 1 ? 128 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  /** Two's complement in 64 bits: always ten bytes. */
  #negative(value: number): void {
    this.#reserve(10);
    this.#at -= 10;
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let index = 0; index < 10; index++) {
      this.#buffer[this.#at + index] = Number(rest & 127n) | (index < 9 ? 128 : 0);
      rest >>= 7n;
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#at) return;
    const size = this.size;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, size + bytes));
    larger.set(this.#buffer.subarray(this.#at), larger.length - size);
    this.#replace(larger);
    this.#at = larger.length - size;
  }

  #replace(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

export type ProtoField = Readonly<{ field: number; value: bigint | Uint8Array }>;

/** The fields of a message in their order. Fixed numbers come as their bytes. @throws RangeError where it breaks off. */
export function readProto(bytes: Uint8Array): ProtoField[] {
  const fields: ProtoField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new RangeError(`A number of a protobuf message breaks off at byte ${at}.`);
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError(`A protobuf message breaks off: ${bytes.length} bytes.`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const field = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === WIRE.varint) fields.push({ field, value: varint() });
    else if (wire === WIRE.bytes) fields.push({ field, value: take(Number(varint())) });
    else if (wire === WIRE.fixed64) fields.push({ field, value: take(8) });
    else if (wire === WIRE.fixed32) fields.push({ field, value: take(4) });
    else throw new RangeError(`Wire type ${wire} at byte ${at} is none of protobuf's that are in use.`);
  }
  return fields;
}
