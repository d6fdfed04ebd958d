/**
 * What one cassette object does with the tape of its file: finds the recorded entry for a request, once each, in the
 * order of the recording.
 *
 * P1: of the entries that fit, the one that says most is taken, and of equals the first. P2: an entry answers once.
 */
import type { Json } from '../protocol/json.ts';
import { differencesOf, type Difference, fits } from './differences.ts';
import { CassetteError, CassetteMissError } from './errors.ts';
import type { CassetteMode } from './options.ts';
import type { Slot, Tape } from './tape.ts';
import type { CassetteEntry } from './types.ts';

/** A request by its parts. A part that is absent on one side is not compared. */
export type Parts = { readonly [part: string]: Json | undefined };

/** How entries of one kind are read. */
export type Reading<E extends CassetteEntry> = {
  readonly is: (entry: CassetteEntry) => entry is E;
  readonly partsOf: (entry: E) => Parts;
  /** The parts that are compared. */
  readonly compared: readonly string[];
  /** Entries that do not answer in this mode. */
  readonly skips?: (entry: E, mode: CassetteMode) => boolean;
};

type Options<E extends CassetteEntry> = { tape: Tape; name: string; mode: CassetteMode; reading: Reading<E> };

export class Player<E extends CassetteEntry> {
  readonly #options: Options<E>;
  readonly #used = new Set<Slot>();
  /** How much the tape was written when this player was made. */
  readonly #since: number;
  #ready: Promise<void> | undefined;
  #asked = 0;

  constructor(options: Options<E>) {
    this.#options = options;
    this.#since = options.tape.writes;
  }

  /** The tape is read, or cleared for a recording. */
  ready(): Promise<void> {
    return (this.#ready ??= this.#begin());
  }

  async #begin(): Promise<void> {
    const { mode, tape } = this.#options;
    if (mode === 'record') tape.begin(this.#since);
    else await tape.load();
  }

  /** The entry that answers, or `undefined`. */
  take(asked: Parts): E | undefined {
    this.#asked++;
    let best: { slot: Slot; entry: E; known: number } | undefined;
    for (const { slot, entry } of this.#entries()) {
      if (this.#used.has(slot)) continue;
      const known = this.#fit(entry, asked);
      if (known !== undefined && (!best || known > best.known)) best = { slot, entry, known };
    }
    if (best) this.#used.add(best.slot);
    return best?.entry;
  }

  *#entries(): Generator<{ slot: Slot; entry: E }> {
    const { tape, mode, reading } = this.#options;
    for (const slot of tape.slots) {
      const { entry } = slot;
      if (entry && reading.is(entry) && reading.skips?.(entry, mode) !== true) yield { slot, entry };
    }
  }

  /** How many parts are known and equal; `undefined` where one differs. */
  #fit(entry: E, asked: Parts): number | undefined {
    const recorded = this.#options.reading.partsOf(entry);
    let known = 0;
    for (const part of this.#options.reading.compared) {
      const [one, other] = [recorded[part], asked[part]];
      if (one === undefined || other === undefined) continue;
      if (!fits(one, other)) return undefined;
      known++;
    }
    return known;
  }

  /** A place for a new entry, which this player itself will not replay. */
  reserve(): Slot {
    const slot = this.#options.tape.reserve();
    this.#used.add(slot);
    return slot;
  }

  fill(slot: Slot, entry?: E): Promise<void> {
    return this.#options.tape.fill(slot, entry);
  }

  miss(asked: Parts, summary: string): CassetteMissError {
    const { name } = this.#options;
    const nearest = this.#nearest(asked);
    return new CassetteMissError(
      {
        cassette: name,
        request: this.#asked,
        ...(this.#options.tape.isMissing && { fileIsMissing: true as const }),
        ...(nearest && { nearest: { entry: nearest.n, used: nearest.used } }),
        differences: nearest?.differences ?? [],
      },
      summary,
    );
  }

  #nearest(asked: Parts): { n: number; used: boolean; differences: Difference[] } | undefined {
    let best: { n: number; used: boolean; differences: Difference[]; distance: number } | undefined;
    const place = new Map(this.#options.tape.slots.map((slot, n) => [slot, n + 1]));
    for (const { slot, entry } of this.#entries()) {
      const differences = this.#differences(entry, asked);
      const used = this.#used.has(slot);
      // Of two that are as near, the one that is still to come is meant.
      const distance = differences.length + (used ? 0.5 : 0);
      if (!best || distance < best.distance) best = { n: place.get(slot) ?? 0, used, differences, distance };
    }
    return best;
  }

  #differences(entry: E, asked: Parts): Difference[] {
    const recorded = this.#options.reading.partsOf(entry);
    return this.#options.reading.compared.flatMap((part) => {
      const [one, other] = [recorded[part], asked[part]];
      return one === undefined || other === undefined ? [] : differencesOf(one, other, part);
    });
  }

  /** @throws CassetteError `cassette/unused` */
  async assertComplete(): Promise<void> {
    await this.ready();
    const unused = [...this.#entries()].filter(({ slot }) => !this.#used.has(slot)).length;
    const all = [...this.#entries()].length;
    if (unused === 0) return;
    throw new CassetteError(
      'cassette/unused',
      `${unused} of ${all} entries of ${this.#options.name} were never asked for. ` +
        'Record again, or find out why the run ended early.',
    );
  }
}
