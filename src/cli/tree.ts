/** Spans as a tree. */
import type { StoredSpan } from '../trace/store/index.ts';

export type Branch = { readonly span: StoredSpan; readonly children: readonly Branch[] };

/** In the order in which they are given. What hangs from a span that is not there, or from itself, is a root. */
export function treeOf(spans: readonly StoredSpan[]): readonly Branch[] {
  const branches = new Map(spans.map((span) => [span.spanId, { span, children: [] as Branch[] }]));
  const roots: Branch[] = [];
  for (const branch of branches.values()) {
    const parent = branches.get(branch.span.parentId ?? '');
    if (parent && !isUnder(branch.span.spanId, branch.span.parentId, branches)) parent.children.push(branch);
    else roots.push(branch);
  }
  return roots;
}

/** Whether a span is among those above it: then it is nowhere. User code makes parents of its own. */
function isUnder(id: string, above: string | undefined, branches: ReadonlyMap<string, Branch>): boolean {
  const seen = new Set<string>();
  for (let at = above; at !== undefined && !seen.has(at); at = branches.get(at)?.span.parentId) {
    if (at === id) return true;
    seen.add(at);
  }
  return false;
}
