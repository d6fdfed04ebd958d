/**
 * Reads a run from any position, whoever has it: what is stored, then what comes, until it rests.
 */
import { type Committed, isOver, type RunEvent } from '../kernel/index.ts';
import type { EventLog, RunLog } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Feed, RunStreamPart } from './feed.ts';
import { unknownRun } from './revive.ts';

export type LookOptions = { from?: number; signal?: AbortSignal };
type EventPart = Extract<RunStreamPart, { type: 'event' }>;

function checkFrom(from: number): void {
  if (Number.isSafeInteger(from) && from >= 0) return;
  throw new UserError(`\`from\` must be the position of an event, from 0. Got ${from}.`);
}

/** The committed events. @throws UserError, DurableError `durable/unknown-run` */
export async function* eventsFrom(
  log: EventLog,
  runId: string,
  { from = 0, signal }: LookOptions,
): AsyncGenerator<Omit<EventPart, 'type'>> {
  checkFrom(from);
  for (let next = from; ;) {
    const read = await readFrom(log, runId, next);
    for (const { position, at, event } of read.events) yield { position, at, event: event as RunEvent };
    next = Math.max(next, read.info.head);
    if (isAtRest(read)) return;
    await log.watch(runId, { head: next, posted: Number.MAX_SAFE_INTEGER }, signal);
  }
}

/**
 * The committed events, and between them what the model says, where the run is streamed in this process.
 *
 * @param feedOf what this process knows of the run now, if it has it
 * @throws DurableError `durable/unknown-run`
 */
export async function* partsFrom(
  log: EventLog,
  runId: string,
  { from = 0, signal, feedOf }: LookOptions & { feedOf: () => Feed | undefined },
): AsyncGenerator<RunStreamPart> {
  checkFrom(from);
  const reader = new Reader(from);
  for (;;) {
    // Before the log is read, so that nothing falls between the two.
    const joined = feedOf()?.join();
    const onAbort = (): void => joined?.parts.close({ error: signal?.reason });
    signal?.addEventListener('abort', onAbort);
    try {
      const read = await log.read(runId, { from: reader.next });
      // One that begins here just now is told by the feed alone.
      if (!read && !joined) throw unknownRun(runId);
      for (const { position, at, event } of read?.events ?? []) {
        yield* reader.take({ type: 'event', position, at, event: event as RunEvent });
      }
      if (read && isAtRest(read)) return;
      if (!joined) {
        await log.watch(runId, { head: reader.next, posted: Number.MAX_SAFE_INTEGER }, signal);
        continue;
      }
      if (signal?.aborted) onAbort();
      const parts = joined.parts.read(() => undefined);
      for (let part = await parts.next(); !part.done; part = await parts.next()) yield* reader.take(part.value);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      joined?.leave();
    }
  }
}

/** What is news to somebody who has seen the log up to a position. */
class Reader {
  next: number;
  /** The newest model call whose answer was seen: what it said before is void. */
  #answered = 0;
  #resets: string | undefined;

  constructor(next: number) {
    this.next = next;
  }

  *take(part: RunStreamPart): Generator<RunStreamPart> {
    switch (part.type) {
      case 'event':
        if (part.position < this.next) return;
        this.next = part.position + 1;
        this.#resets = undefined;
        yield part;
        return yield* this.#after(part.event);
      case 'reset':
        return yield* this.#reset(part.effect);
      case 'delta':
        if (callOf(part.effect) <= this.#answered) return;
        this.#resets = undefined;
        return yield part;
    }
  }

  *#after(event: Committed): Generator<RunStreamPart> {
    if (event.type === 'model.replied' || event.type === 'model.failed') this.#answered = callOf(event.id);
    // Whoever performed it before has gone, with the half of an answer.
    const isAgain = event.type === 'effect.requested' && event.effect.do === 'call_model' && event.effect.attempt;
    if (isAgain) yield* this.#reset(event.effect.id);
  }

  *#reset(effect: string): Generator<RunStreamPart> {
    if (callOf(effect) <= this.#answered || this.#resets === effect) return;
    this.#resets = effect;
    yield { type: 'reset', effect };
  }
}

/** The number of a model call in its id, `m2`. */
const callOf = (effect: string): number => Number(effect.slice(1));

const isAtRest = ({ info: { status } }: RunLog): boolean => isOver(status) || status === 'paused';

async function readFrom(log: EventLog, runId: string, from: number): Promise<RunLog> {
  const read = await log.read(runId, { from });
  if (!read) throw unknownRun(runId);
  return read;
}
