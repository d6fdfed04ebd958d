/**
 * What is known of a session's branches: the fold of a log of small records, kept in a session of its own.
 *
 * B1 Order decides, not clocks: of two branches that are made under one name, the first in the log is it.
 * B2 A name is used once, until the session is cleared.
 * B3 A branch is a name for a segment. A segment is the first items of another's history, and its own. What another
 *    segment begins with is never taken from it: a branch that gives up such an item moves to a segment of its own.
 * B4 What a branch was to begin with may be taken while it is made. Its record says how much of the log was seen before:
 *    what was deleted or cleared since makes it void, and what was popped since it does not begin with.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import type { SessionBranch } from '../types.ts';

export const MAIN = 'main';

/** `id` is the id of the session that holds its own items; before them stand `at` items of `from`. */
export type Segment = { readonly id: string; readonly from?: string; readonly at: number };

export type Branch = {
  readonly name: string;
  readonly parent: string | undefined;
  readonly forkAt: number;
  readonly createdAt: number;
  readonly segment: string;
};

/** Numbers of a run's usage. */
export type Used = { requests: number; inputTokens: number; outputTokens: number; totalTokens: number };

type Use = { readonly do: 'use'; run: string; segment: string; turn: number; used: Used };
export type BranchRecord =
  /** Without `seen` by earlier versions. */
  | { readonly do: 'create'; name: string; parent: string; segment: Segment; createdAt: number; seen?: Seen }
  | { readonly do: 'switch'; name: string }
  | { readonly do: 'delete'; name: string }
  | { readonly do: 'move'; name: string; segment: Segment }
  /** An item was taken from a segment: so many are left of its history. */
  | { readonly do: 'pop'; segment: string; left: number }
  /** All was cleared; the log before, too, but for what came while that was done. */
  | { readonly do: 'clear'; id: string }
  | Use;
/** How far the log was read: since which clear, and how many records. */
type Seen = { readonly clear: string; readonly records: number };

export type Tree = {
  readonly branches: ReadonlyMap<string, Branch>;
  readonly segments: ReadonlyMap<string, Segment>;
  readonly names: ReadonlySet<string>;
  readonly current: string;
  /** The newest word of each run. */
  readonly uses: ReadonlyMap<string, Use>;
  readonly seen: Seen;
};

const MARK = 'batonBranches';

export const recordRow = (record: BranchRecord): AgentInputItem => ({
  type: 'unknown',
  providerData: { [MARK]: record },
});

export function treeOf(rows: readonly AgentInputItem[], mainSegment: string): Tree {
  let tree = seedOf(mainSegment, '');
  for (const [at, row] of rows.entries()) {
    // Written by `recordRow` only: nobody else has this session.
    const record = row.providerData?.[MARK] as BranchRecord | undefined;
    if (record?.do === 'clear') tree = seedOf(mainSegment, record.id);
    else if (record) add(tree, record, at);
  }
  return { ...tree, seen: { clear: tree.clear, records: rows.length } };
}

type Growing = {
  branches: Map<string, Branch>;
  segments: Map<string, Segment>;
  names: Set<string>;
  current: string;
  uses: Map<string, Use>;
  readonly clear: string;
  /** What was popped, and by which record. */
  readonly pops: { segment: string; left: number; at: number }[];
};

function seedOf(mainSegment: string, clear: string): Growing {
  const main: Branch = { name: MAIN, parent: undefined, forkAt: 0, createdAt: 0, segment: mainSegment };
  return {
    branches: new Map([[MAIN, main]]),
    segments: new Map<string, Segment>([[mainSegment, { id: mainSegment, at: 0 }]]),
    names: new Set([MAIN]),
    current: MAIN,
    uses: new Map<string, Use>(),
    clear,
    pops: [],
  };
}

function add(tree: Growing, record: Exclude<BranchRecord, { do: 'clear' }>, at: number): void {
  const { branches, segments, uses } = tree;
  switch (record.do) {
    case 'create':
      return create(tree, record);
    case 'switch':
      if (branches.has(record.name)) tree.current = record.name;
      return;
    case 'delete': {
      const gone = branches.get(record.name);
      if (gone?.parent === undefined) return;
      branches.delete(gone.name);
      if (tree.current === gone.name) tree.current = gone.parent;
      // What left it leaves its parent now, at the same place.
      for (const branch of branches.values())
        if (branch.parent === gone.name) branches.set(branch.name, { ...branch, parent: gone.parent });
      return;
    }
    case 'move': {
      const branch = branches.get(record.name);
      segments.set(record.segment.id, record.segment);
      if (branch) branches.set(branch.name, { ...branch, segment: record.segment.id });
      return;
    }
    case 'pop': {
      const { segment, left } = record;
      tree.pops.push({ segment, left, at });
      // Made while the item was taken: who takes one looks first whether others begin with it.
      for (const each of segments.values()) if (each.from === segment && each.at > left) cut(tree, each, left);
      return;
    }
    case 'use': {
      // A run stays in the turn in which it began.
      const { segment, turn } = uses.get(record.run) ?? record;
      uses.set(record.run, { ...record, segment, turn });
    }
  }
}

function create(tree: Growing, record: BranchRecord & { do: 'create' }): void {
  const { branches, segments, names, pops, clear } = tree;
  const { name, parent, segment, createdAt, seen } = record;
  if (names.has(name) || !branches.has(parent) || (seen && seen.clear !== clear)) return;
  names.add(name);
  segments.set(segment.id, segment);
  branches.set(name, { name, parent, forkAt: segment.at, createdAt, segment: segment.id });
  const since = seen ? pops.filter((pop) => pop.segment === segment.from && pop.at >= seen.records) : [];
  const left = Math.min(...since.map((pop) => pop.left));
  if (left < segment.at) cut(tree, segment, left);
}

function cut({ branches, segments }: Growing, segment: Segment, at: number): void {
  segments.set(segment.id, { ...segment, at });
  for (const branch of branches.values())
    if (branch.segment === segment.id) branches.set(branch.name, { ...branch, forkAt: at });
}

/** @throws SessionError `session/unknown-branch` */
export function branchOf({ branches }: Tree, name: string, session: string): Branch {
  const branch = branches.get(name);
  if (branch) return branch;
  throw new SessionError(
    'session/unknown-branch',
    `Session "${session}" has no branch "${name}", or it was deleted. It has: ${[...branches.keys()].join(', ')}.`,
  );
}

/** The segments that a segment's history is made of, the oldest first. */
export function lineOf({ segments }: Tree, id: string): Segment[] {
  const line: Segment[] = [];
  for (let next: string | undefined = id; next !== undefined; next = line[0]?.from) {
    const segment = segments.get(next);
    if (!segment) break;
    line.unshift(segment);
  }
  return line;
}

/** How many of a segment's items others begin with, counted in its history. */
export function sharedOf({ segments }: Tree, id: string): number {
  return Math.max(0, ...[...segments.values()].map(({ from, at }) => (from === id ? at : 0)));
}

/** Segments that no branch needs. */
export function unusedOf(tree: Tree): string[] {
  const used = new Set([...tree.branches.values()].flatMap(({ segment }) => lineOf(tree, segment).map(({ id }) => id)));
  return [...tree.segments.keys()].filter((id) => !used.has(id));
}

export function nodeOf(tree: Tree, { name, forkAt, createdAt }: Branch): SessionBranch {
  const children = [...tree.branches.values()].filter(({ parent }) => parent === name);
  return {
    name,
    forkAt,
    isCurrent: tree.current === name,
    createdAt,
    children: children.map((each) => nodeOf(tree, each)),
  };
}
