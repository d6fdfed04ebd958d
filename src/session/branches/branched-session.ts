/**
 * A session with branches, over any store: each branch's own items are a session, and the tree is one more.
 *
 * R1 No item is copied: a branch is its parent's first items and its own.
 * R2 `main` is the session under the id itself, so a session from before is one with a single branch.
 * R3 A session object writes to the branch that it read last; so what a run saves follows what it loaded.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { Usage } from '../../protocol/usage.ts';
import {
  type BranchAwareSession,
  type CreateBranchOptions,
  isSessionHistoryTransactionAwareSession,
  type Session,
  type SessionBranch,
  type SessionHistoryTransactionArgs,
  type SessionTurn,
  type SessionUsageArgs,
} from '../types.ts';
import { SessionBusy } from '../errors.ts';
import { type HeldSessionTurn, isTurnAwareSession, type SessionTurnRequest } from '../turns/types.ts';
import { checkInner, innerTurns, inTurnOf, type Turns } from '../wrapped.ts';
import { bothTurns } from './both-turns.ts';
import {
  branchOf,
  type Branch,
  type BranchRecord,
  lineOf,
  MAIN,
  nodeOf,
  recordRow,
  sharedOf,
  type Tree,
  treeOf,
  unusedOf,
} from './tree.ts';

export type BranchedSessionOptions = {
  /** Opens the session of this id in your store, made where there is none: `(id) => new SQLiteSession(id, { dbPath })`. */
  open: (sessionId: string) => Session;
  /** Stay on this branch whatever is current: for a durable run, which may save in another process than it loads. */
  branch?: string;
};

/**
 * Lets a conversation go on in several ways from any turn.
 *
 * @example
 * import { BranchedSession, MemorySession } from '@baton/agents';
 *
 * const session = new BranchedSession('user_123', { open: (sessionId) => new MemorySession({ sessionId }) });
 * await session.addItems([{ type: 'message', role: 'user', content: 'Rome or Oslo?' }]);
 * await session.createBranch('again', { turn: 1 });
 */
export class BranchedSession implements BranchAwareSession {
  /** Of the branch; there where the store's sessions have transactions. */
  declare readonly applyHistoryTransaction?: (args: SessionHistoryTransactionArgs) => Promise<void>;
  /** There where the store's sessions have turns. */
  declare readonly takeTurn?: Turns['takeTurn'];
  declare readonly endTurn?: Turns['endTurn'];
  declare readonly turnHolder?: Turns['turnHolder'];
  readonly #id: string;
  readonly #options: BranchedSessionOptions;
  #opened = new Map<string, Session>();
  /** The branch that was read last, and how many turns it had then. */
  #read: { name: string; turns: number } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws UserError when the id is blank */
  constructor(sessionId: string, options: BranchedSessionOptions) {
    if (typeof sessionId !== 'string' || sessionId === '') {
      throw new UserError(`BranchedSession needs a non-empty string as its id. Got ${typeof sessionId}.`);
    }
    this.#id = sessionId;
    this.#options = options;
    const main = this.#session(sessionId);
    Object.assign(this, innerTurns(main));
    if (isTurnAwareSession(main)) {
      this.takeTurn = (request) => this.#takeTurn(main, request);
      this.endTurn = (runId) => this.#endTurn(runId);
    }
    if (!isSessionHistoryTransactionAwareSession(main)) return;
    this.applyHistoryTransaction = (args) => this.#inTurn(() => this.#transact(args));
  }

  async getSessionId(): Promise<string> {
    return this.#id;
  }

  getItems(limit?: number): Promise<AgentInputItem[]> {
    return this.#inTurn(async () => {
      const tree = await this.#tree();
      const branch = branchOf(tree, this.#options.branch ?? tree.current, this.#id);
      if (limit === undefined || Number.isNaN(limit)) {
        const items = await this.#history(tree, branch.segment);
        this.#read = { name: branch.name, turns: turnsOf(items).length };
        return items;
      }
      this.#read = { name: branch.name, turns: -1 };
      const own = await this.#session(branch.segment).getItems(limit);
      if (own.length >= Math.ceil(limit)) return own;
      const items = await this.#history(tree, branch.segment);
      return items.slice(Math.max(0, Math.floor(items.length - limit)));
    });
  }

  addItems(items: AgentInputItem[]): Promise<void> {
    return this.#inTurn(async () => this.#session((await this.#writing()).branch.segment).addItems(items));
  }

  /** The newest item of the branch. Where other branches begin with it, it stays there. */
  async popItem(): Promise<AgentInputItem | undefined> {
    for (;;) {
      const popped = await this.#whenFree(() => this.#pop());
      if (!('busy' in popped)) return popped.item;
      // A run on the branch alone has the branch's turn. It is waited for with nothing held that it may need.
      await (await popped.busy.takeTurn({ runId: `change_${crypto.randomUUID()}`, timeoutMs: 30_000 })).end();
    }
  }

  async #pop(): Promise<{ item: AgentInputItem | undefined } | { busy: Turns }> {
    const { tree, branch } = await this.#writing();
    const own = this.#session(branch.segment);
    if (branch.segment === this.#id || !isTurnAwareSession(own)) return { item: await this.#take(tree, branch) };
    let turn: HeldSessionTurn;
    try {
      turn = await own.takeTurn({ runId: `change_${crypto.randomUUID()}`, onBusy: 'reject' });
    } catch (error) {
      if (error instanceof SessionBusy) return { busy: own };
      throw error;
    }
    try {
      return { item: await turn.within(() => this.#take(tree, branch)) };
    } finally {
      await turn.end();
    }
  }

  async #take(tree: Tree, { name, segment }: Branch): Promise<AgentInputItem | undefined> {
    const shared = Math.max(sharedOf(tree, segment), tree.segments.get(segment)?.at ?? 0);
    const items = await this.#history(tree, segment);
    const left = items.length - 1;
    if (left < 0) return undefined;
    if (left >= shared) {
      const item = await this.#session(segment).popItem();
      await this.#note({ do: 'pop', segment, left });
      return item;
    }
    await this.#note({ do: 'move', name, segment: { id: this.#newSegment(), from: segment, at: left } });
    return items[left];
  }

  /** Removes the items of all branches, and the branches. */
  clearSession(): Promise<void> {
    return this.#whenFree(async () => {
      const { segments } = await this.#tree();
      // What begins with the items of `main` goes before they do: else it would begin with what is added later.
      for (const id of segments.keys()) if (id !== this.#id) await this.#session(id).clearSession();
      await this.#log().clearSession();
      await this.#session(this.#id).clearSession();
      await this.#note({ do: 'clear', id: crypto.randomUUID() });
      this.#read = undefined;
    });
  }

  /**
   * @throws UserError for a name that was used before, a turn or a place that is not there;
   *   SessionError `session/unknown-branch`
   */
  createBranch(name: string, options: CreateBranchOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      if (typeof name !== 'string' || name.trim() === '') throw new UserError('A branch needs a non-empty name.');
      while (!(await this.#create(name, options))) {
        // What it was to begin with was deleted or cleared meanwhile.
      }
      if (!options.stays) await this.#go(name);
    });
  }

  async #create(name: string, options: CreateBranchOptions): Promise<boolean> {
    const { tree, branch } = await this.#writing();
    const { seen } = tree;
    if (tree.names.has(name)) throw taken(name);
    const at = placeOf(await this.#history(tree, branch.segment), options);
    const segment = { id: this.#newSegment(), from: branch.segment, at };
    await this.#note({ do: 'create', name, segment, parent: branch.name, createdAt: Date.now(), seen });
    const { branches, names } = await this.#tree();
    if (branches.get(name)?.segment === segment.id) return true;
    // Another may have made one of this name at the same time: the first in the log is it.
    if (names.has(name)) throw taken(name);
    return false;
  }

  /**
   * The same session on this branch for good, whatever is current. Two runs, each on its branch, do not wait for each
   * other: the turn is that of the branch. Closing either closes both.
   */
  onBranch(name: string): BranchedSession {
    const pinned = new BranchedSession(this.#id, { ...this.#options, branch: name });
    // A store in memory opens a session once.
    pinned.#opened = this.#opened;
    if (name !== MAIN && pinned.takeTurn) Object.assign(pinned, pinned.#turnsOfBranch(name));
    return pinned;
  }

  /**
   * The session's turn, and that of the current branch: else a run that lost it would still write there. A durable run
   * has the session's alone: it may go on when another branch is current, and its log refuses whoever lost it.
   */
  async #takeTurn(main: Turns, request: SessionTurnRequest): Promise<HeldSessionTurn> {
    const turn = await main.takeTurn(request);
    if (request.durable === true) return turn;
    try {
      const tree = await this.#tree();
      const { segment } = branchOf(tree, this.#options.branch ?? tree.current, this.#id);
      const own = this.#session(segment);
      if (segment === this.#id || !isTurnAwareSession(own)) return turn;
      return bothTurns(turn, await turn.within(() => own.takeTurn(request)));
    } catch (error) {
      await turn.end();
      throw error;
    }
  }

  async #endTurn(runId: string): Promise<void> {
    for (const id of (await this.#tree()).segments.keys()) {
      const session = this.#session(id);
      if (isTurnAwareSession(session)) await session.endTurn(runId);
    }
  }

  #turnsOfBranch(name: string): Turns {
    const own = async (): Promise<Turns> => {
      const { segment } = branchOf(await this.#tree(), name, this.#id);
      // All sessions of a store have turns, or none has.
      return innerTurns(this.#session(segment)) as Turns;
    };
    return {
      takeTurn: async (request) => (await own()).takeTurn(request),
      endTurn: async (runId) => (await own()).endTurn(runId),
    };
  }

  /** @throws SessionError `session/unknown-branch` */
  switchBranch(name: string): Promise<void> {
    return this.#inTurn(async () => {
      branchOf(await this.#tree(), name, this.#id);
      await this.#go(name);
    });
  }

  /** @throws UserError for `main`; SessionError `session/unknown-branch` */
  deleteBranch(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const before = await this.#tree();
      branchOf(before, name, this.#id);
      if (name === MAIN) throw new UserError('The branch "main" cannot be deleted. Clear the session instead.');
      await this.#note({ do: 'delete', name });
      const known = new Set(unusedOf(before));
      for (const id of unusedOf(await this.#tree())) if (!known.has(id)) await this.#session(id).clearSession();
      if (this.#read?.name === name) this.#read = undefined;
    });
  }

  getBranches(): Promise<SessionBranch> {
    return this.#inTurn(async () => {
      const tree = await this.#tree();
      return nodeOf(tree, branchOf(tree, MAIN, this.#id));
    });
  }

  getTurns(): Promise<SessionTurn[]> {
    return this.#inTurn(async () => {
      const { tree, branch } = await this.#writing();
      const line = lineOf(tree, branch.segment);
      return turnsOf(await this.#history(tree, branch.segment)).map((at, n) => {
        const usage = new Usage();
        // The segment that holds the user's message itself.
        const owner = line.findLast((each, i) => i === 0 || each.at <= at)?.id;
        for (const { turn, segment, used } of tree.uses.values())
          if (turn === n + 1 && segment === owner) usage.add(new Usage(used));
        return { turn: n + 1, at, usage };
      });
    });
  }

  recordUsage({ runId, usage }: SessionUsageArgs): Promise<void> {
    return this.#inTurn(async () => {
      const { tree, branch } = await this.#writing();
      const { requests, inputTokens, outputTokens, totalTokens } = usage;
      const loaded = this.#read?.name === branch.name && this.#read.turns >= 0 ? this.#read.turns + 1 : undefined;
      const turn = tree.uses.get(runId)?.turn ?? loaded ?? turnsOf(await this.#history(tree, branch.segment)).length;
      const used = { requests, inputTokens, outputTokens, totalTokens };
      await this.#note({ do: 'use', run: runId, segment: branch.segment, turn, used });
    });
  }

  /** Closes the sessions that `open` gave and that can be closed. */
  async close(): Promise<void> {
    await this.#last;
    for (const session of this.#opened.values())
      if ('close' in session && typeof session.close === 'function') await session.close();
  }

  async #transact(args: SessionHistoryTransactionArgs): Promise<void> {
    const { tree, branch } = await this.#writing();
    const session = this.#session(branch.segment);
    if (args.transaction?.type === 'replace_suffix' && sharedOf(tree, branch.segment) > 0) {
      throw new UserError(
        `Branch "${branch.name}" is the beginning of others, so its items are not replaced. Make a branch and change that.`,
      );
    }
    if (!isSessionHistoryTransactionAwareSession(session)) throw new UserError('The session has no transactions.');
    await session.applyHistoryTransaction(args);
  }

  /** The branch that is written to: the one that was read last. */
  async #writing(): Promise<{ tree: Tree; branch: Branch }> {
    const tree = await this.#tree();
    return { tree, branch: branchOf(tree, this.#options.branch ?? this.#read?.name ?? tree.current, this.#id) };
  }

  async #go(name: string): Promise<void> {
    await this.#note({ do: 'switch', name });
    this.#read = undefined;
  }

  async #history(tree: Tree, segment: string): Promise<AgentInputItem[]> {
    let items: AgentInputItem[] = [];
    for (const { id, at } of lineOf(tree, segment)) {
      const own = await this.#session(id).getItems();
      items = [...items.slice(0, at), ...own];
    }
    return items;
  }

  async #tree(): Promise<Tree> {
    return treeOf(await this.#log().getItems(), this.#id);
  }

  #newSegment(): string {
    return `${this.#id}/branch/${crypto.randomUUID()}`;
  }

  #note(record: BranchRecord): Promise<void> {
    return this.#log().addItems([recordRow(record)]);
  }

  #log(): Session {
    return this.#session(`${this.#id}/branches`);
  }

  #session(id: string): Session {
    const opened = this.#opened.get(id) ?? this.#options.open(id);
    checkInner(opened);
    this.#opened.set(id, opened);
    return opened;
  }

  #whenFree<T>(act: () => Promise<T>): Promise<T> {
    return inTurnOf(this.#session(this.#id), (step) => this.#inTurn(step), act);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

const taken = (name: string): UserError =>
  new UserError(`The name "${name}" was used for a branch of this session before. Use another.`);

/** Where the user's messages are. */
function turnsOf(items: readonly AgentInputItem[]): number[] {
  return items.flatMap((item, at) => ('role' in item && item.role === 'user' ? [at] : []));
}

function placeOf(items: readonly AgentInputItem[], { turn, at }: CreateBranchOptions): number {
  if (turn !== undefined && at !== undefined) throw new UserError('Give either `turn` or `at` to begin a branch.');
  if (turn !== undefined) {
    const start = turnsOf(items)[turn - 1];
    if (start !== undefined) return start;
    throw new UserError(`There is no turn ${turn}: the branch has ${turnsOf(items).length}. The first is 1.`);
  }
  const end = at ?? items.length;
  if (Number.isInteger(end) && end >= 0 && end <= items.length) return end;
  throw new UserError(`A branch cannot begin with ${end} items: there are ${items.length}.`);
}
