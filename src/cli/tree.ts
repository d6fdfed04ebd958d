/** Spans as a tree, written line by line. Without recursion: user code nests its spans as deeply as it likes. */
import type { StoredSpan } from '../trace/store/index.ts';
import { isUnpriced } from '../trace/usage.ts';

/** A span at its place: `stem` leads to it, `indent` to what is said below it. */
export type Row = {
  readonly span: StoredSpan;
  /** Undefined for a root. */
  readonly above: Row | undefined;
  readonly stem: string;
  readonly indent: string;
};

/** No terminal shows more of a stem. */
const MOST_STEM = 400;
const end = (stem: string): string => stem.slice(-MOST_STEM);

type Branch = { readonly span: StoredSpan; readonly children: Branch[] };

/** In the order in which they are given. What hangs from a span that is not there, or from itself, is a root. */
export function rowsOf(spans: readonly StoredSpan[]): readonly Row[] {
  const rows: Row[] = [];
  const place = (span: StoredSpan, above: Row | undefined, isLast: boolean): Row => {
    if (!above) return { span, above, stem: '', indent: '' };
    const { indent } = above;
    return {
      span,
      above,
      stem: end(`${indent}${isLast ? '└ ' : '├ '}`),
      indent: end(`${indent}${isLast ? '  ' : '│ '}`),
    };
  };
  type Next = { readonly branch: Branch; readonly above: Row | undefined; readonly isLast: boolean };
  const next: Next[] = rootsOf(spans)
    .toReversed()
    .map((branch) => ({ branch, above: undefined, isLast: true }));
  for (let one = next.pop(); one; one = next.pop()) {
    const { branch, above, isLast } = one;
    const row = place(branch.span, above, isLast);
    rows.push(row);
    const last = branch.children.at(-1);
    for (const child of branch.children.toReversed()) next.push({ branch: child, above: row, isLast: child === last });
  }
  return rows;
}

function rootsOf(spans: readonly StoredSpan[]): Branch[] {
  const branches = new Map<string, Branch>(spans.map((span) => [span.spanId, { span, children: [] }]));
  const circular = inCircles(branches);
  const roots: Branch[] = [];
  for (const branch of branches.values()) {
    const parent = branches.get(branch.span.parentId ?? '');
    if (parent && !circular.has(branch)) parent.children.push(branch);
    else roots.push(branch);
  }
  return roots;
}

/** Spans that are among those above them: user code makes parents of its own. */
function inCircles(branches: ReadonlyMap<string, Branch>): ReadonlySet<Branch> {
  const circular = new Set<Branch>();
  const seen = new Set<Branch>();
  for (const branch of branches.values()) {
    const path = new Set<Branch>();
    let at: Branch | undefined = branch;
    for (; at && !seen.has(at); at = branches.get(at.span.parentId ?? '')) {
      seen.add(at);
      path.add(at);
    }
    for (; at && path.delete(at); at = branches.get(at.span.parentId ?? '')) circular.add(at);
  }
  return circular;
}

/** Spans that failed with none below them that did. */
export function failedIn(rows: readonly Row[]): StoredSpan[] {
  const because = new Set<Row>();
  const failed: StoredSpan[] = [];
  for (const row of rows.toReversed()) {
    const isBad = row.span.error !== undefined;
    if (isBad && !because.has(row)) failed.push(row.span);
    if (row.above && (isBad || because.has(row))) because.add(row.above);
  }
  return failed.toReversed();
}

export type Totals = { input: number; output: number; nanoUsd: number; unpriced: number };

/** What the model calls at and below each span used and cost. */
export function totalsOf(rows: readonly Row[]): ReadonlyMap<Row, Totals> {
  const totals = new Map<Row, Totals>();
  for (const row of rows.toReversed()) {
    const sum = totals.get(row) ?? { input: 0, output: 0, nanoUsd: 0, unpriced: 0 };
    if (row.span.type === 'generation' || row.span.type === 'response') {
      const { usage, nanoUsd, attempts } = row.span.details ?? {};
      sum.input += usage?.inputTokens ?? 0;
      sum.output += usage?.outputTokens ?? 0;
      sum.nanoUsd += nanoUsd ?? 0;
      if (row.span.details && isUnpriced({ attempts, nanoUsd, isError: row.span.error !== undefined }))
        sum.unpriced += 1;
    }
    totals.set(row, sum);
    if (!row.above) continue;
    const above = totals.get(row.above) ?? { input: 0, output: 0, nanoUsd: 0, unpriced: 0 };
    above.input += sum.input;
    above.output += sum.output;
    above.nanoUsd += sum.nanoUsd;
    above.unpriced += sum.unpriced;
    totals.set(row.above, above);
  }
  return totals;
}
