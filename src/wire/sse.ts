/**
 * The one reader of server-sent events. Bytes in any cut come in, whole events come out.
 *
 * Follows the event-stream grammar of the HTML standard: UTF-8 with an optional byte order mark, lines ended by LF,
 * CRLF or CR, comments, several `data` lines joined by LF, and an unfinished event at the end is dropped, not
 * delivered: half an answer must never look like a whole one. `retry` and `id` are read over; no API that we talk to
 * resumes a stream.
 *
 * Invariant W1: the events do not depend on how the bytes were cut.
 */

/** One event. `event` is absent where the server did not name it. */
export type SseEvent = { event?: string; data: string };

/** Where parsed events go, in order. */
export type SseSink = (event: SseEvent) => void;

const LF = 10;
const CR = 13;
const SPACE = 32;

/** Turns chunks of bytes into events. Feed it with `push`; there is nothing to flush at the end. */
export class SseParser {
  readonly #decoder = new TextDecoder();
  readonly #sink: SseSink;
  /** The start of a line whose end has not come yet. */
  #rest = '';
  #data: string | undefined;
  #event: string | undefined;
  /** The last chunk ended with CR: an LF at the start of the next one belongs to it. */
  #afterCr = false;

  constructor(sink: SseSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (text.length === 0) return;
    if (this.#afterCr) {
      this.#afterCr = false;
      if (text.startsWith('\n')) text = text.slice(1);
      if (text.length === 0) return;
    }
    const hasCr = text.includes('\r');
    // A rope: a long line in many chunks is put together once, when its end comes.
    if (!hasCr && !text.includes('\n')) this.#rest += text;
    else {
      const from = this.#rest.length;
      text = this.#rest + text;
      this.#rest = hasCr ? this.#linesByAny(text, from) : this.#linesByLf(text, from);
    }
  }

  #linesByAny(text: string, searchFrom: number): string {
    let start = 0;
    for (let at = searchFrom; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== CR && code !== LF) continue;
      this.#line(text, start, at);
      if (code === CR) {
        if (at + 1 === text.length) this.#afterCr = true;
        else if (text.charCodeAt(at + 1) === LF) at++;
      }
      start = at + 1;
    }
    return text.slice(start);
  }

  /** The common case. Returns what is left after the last line end. */
  #linesByLf(text: string, from: number): string {
    let start = 0;
    let end = text.indexOf('\n', from);
    while (end >= 0) {
      this.#line(text, start, end);
      start = end + 1;
      end = text.indexOf('\n', start);
    }
    return start === 0 ? text : text.slice(start);
  }

  #line(text: string, start: number, end: number): void {
    if (start === end) {
      const data = this.#data;
      if (data !== undefined) {
        this.#sink(this.#event === undefined ? { data } : { event: this.#event, data });
        this.#data = undefined;
      }
      this.#event = undefined;
      return;
    }
    if (text.startsWith('data:', start)) this.#addData(fieldValue(text, start + 5, end));
    else if (text.startsWith('event:', start)) this.#event = fieldValue(text, start + 6, end) || undefined;
    // A field without a colon has an empty value.
    else if (end - start === 4 && text.startsWith('data', start)) this.#addData('');
    else if (end - start === 5 && text.startsWith('event', start)) this.#event = undefined;
  }

  #addData(value: string): void {
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }
}

/** One space after the colon is not part of the value. */
function fieldValue(text: string, start: number, end: number): string {
  return text.slice(text.charCodeAt(start) === SPACE && start < end ? start + 1 : start, end);
}

/** Reads a body to its end, in batches of events. Leaving the loop early cancels the body. */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
  watcher?: { touch(): void },
): AsyncGenerator<SseEvent[], void, undefined> {
  const reader = body.getReader();
  let events: SseEvent[] = [];
  const parser = new SseParser((event) => void events.push(event));
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watcher?.touch();
      parser.push(value);
      if (events.length === 0) continue;
      const batch = events;
      events = [];
      yield batch;
    }
    ended = true;
  } finally {
    // A cancel may itself fail on a broken socket; the reason why we stopped is the one that counts.
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
