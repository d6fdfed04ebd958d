/** The order in which spans of different origins began: many begin in one millisecond. */
import type { StoredSpan } from './rows.ts';

/** A span, and which in order it is of those of its origin: a segment, or a process that told of spans. */
export type Placed = { readonly origin: string; readonly seq: number; readonly span: StoredSpan };

/** By time; within a millisecond what is under a span of another origin comes after that span, before what follows it. */
export function inOrder(spans: ReadonlyMap<string, Placed>): StoredSpan[] {
  const origins = new Map<string, number>();
  for (const { origin } of spans.values()) if (!origins.has(origin)) origins.set(origin, origins.size);
  const paths = new Map<Placed, readonly number[]>();
  const pathOf = (placed: Placed): readonly number[] => {
    const known = paths.get(placed);
    if (known) return known;
    // In its own origin, should spans be under each other in a circle.
    paths.set(placed, []);
    const above = foreignAbove(placed, spans);
    const path = [...(above ? pathOf(above) : []), origins.get(placed.origin) ?? 0, placed.seq];
    paths.set(placed, path);
    return path;
  };
  return [...spans.values()]
    .map((placed) => ({ span: placed.span, path: pathOf(placed) }))
    .toSorted((a, b) => a.span.startedAt - b.span.startedAt || compare(a.path, b.path))
    .map(({ span }) => span);
}

/** The next span above that is of another origin. */
function foreignAbove({ origin, span }: Placed, spans: ReadonlyMap<string, Placed>): Placed | undefined {
  const seen = new Set<string>();
  for (let id = span.parentId; id !== undefined && !seen.has(id);) {
    seen.add(id);
    const above = spans.get(id);
    if (!above || above.origin !== origin) return above;
    id = above.span.parentId;
  }
  return undefined;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [n, one] of a.entries()) {
    const other = b[n];
    if (other === undefined) return 1;
    if (one !== other) return one - other;
  }
  return a.length - b.length;
}
