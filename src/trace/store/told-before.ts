/**
 * Which parts of a trace are in the file, and which spans others have told: learned once, and then only what is new, so
 * that a run which writes for days does not read itself again each second.
 */
import type { Statements } from '../../store/sqlite/statements.ts';
import { keyOfPart, MOST_PARTS } from './part-key.ts';
import { endedIn, type SegmentText } from './derived.ts';
import { spansIn } from './span-text.ts';
import type { Row } from './tally.ts';

export type Told = {
  /** Where the next part goes. */
  index: number;
  /** Parts of the same place. */
  readonly parts: Set<number>;
  /** Spans of other places: other processes, or earlier segments. A place does not tell a span twice. */
  readonly ids: Set<string>;
};

const PARTS = `SELECT part, place, n, first, segment, CASE WHEN place = ? THEN NULL ELSE text END AS text
  FROM baton_trace_parts WHERE part BETWEEN ? AND ? ORDER BY part`;
/** Traces of which is remembered what was told. */
const MOST_REMEMBERED = 256;

/** Of one connection. Knows only what was committed: it is asked before a batch writes. */
export class ToldBefore {
  readonly #known = new Map<string, Told>();

  of(db: Statements, trace: number, place: number): Told {
    const key = `${trace} ${place}`;
    const told = this.#known.get(key) ?? { index: 0, parts: new Set(), ids: new Set() };
    const first = keyOfPart(trace, 0);
    const segments: SegmentText[] = [];
    for (const row of db.all(PARTS, place, first + told.index, keyOfPart(trace, MOST_PARTS - 1))) {
      told.index = Number(row['part']) - first + 1;
      const { place: whose, n, first: from, segment, text } = row;
      if (whose === place) told.parts.add(Number(n));
      if (typeof text !== 'string') continue;
      if (typeof segment !== 'string') for (const { id } of spansIn(text)) told.ids.add(id);
      else segments.push({ segment, place: Number(whose), first: Number(from), text, hasSaid: true });
    }
    for (const { id } of endedIn(segments)) told.ids.add(id);
    this.#known.delete(key);
    this.#known.set(key, told);
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MOST_REMEMBERED) break;
      this.#known.delete(oldest);
    }
    return told;
  }
}

/** Ids of the spans that a part tells. */
export const idsIn = ({ segment, place, first, text }: Row): string[] =>
  segment === undefined
    ? spansIn(text).map(({ id }) => id)
    : endedIn([{ segment, place, first, text, hasSaid: true }]).map(({ id }) => id);
