/**
 * A session whose items are sealed before they reach another session, which may be any.
 *
 * V1 What is read was sealed for this tenant and session, and is whole and in order, but for a cut end (see `head`).
 * V2 Nothing is deleted or changed because it cannot be opened: an item is opened before it is popped.
 * V3 With an inner session that has transactions, an append is a compare-and-set on the newest row: it names that
 *    row's tag, so two writers never both follow one row. Without, one object must do all the writing.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import { isSame } from '../items.ts';
import { checkTransaction, operationReused, suffixChanged } from '../transaction.ts';
import { checkInner, innerTurns, inTurnOf, type Turns } from '../wrapped.ts';
import {
  isSessionHistoryTransactionAwareSession,
  type Session,
  type SessionHistoryMutation,
  type SessionHistoryRewriteArgs,
  type SessionHistoryTransactionArgs,
  type SessionSettings,
} from '../types.ts';
import { type Opened, openRows, type Scope } from './chain.ts';
import { firstRow, operationMark } from './envelope.ts';
import { checkHead, headOf, type SealedHead } from './head.ts';
import { checkKeys, type Secret, secretsFor, type SessionKey } from './keys.ts';
import { rewrite } from './rewrite.ts';
import {
  isItem,
  isRefusal,
  isSameText,
  itemOf,
  saysDone,
  sealAll,
  sealedEnvelope,
  textsOf,
  youngFrom,
} from './rows.ts';

export type EncryptedSessionOptions = {
  /** The first seals; all open. To rotate, put a new one in front. */
  keys: readonly SessionKey[];
  /** Whose session it is; part of what each item is bound to. @default 'default' */
  tenant?: string;
  /** How old an item may be, in milliseconds, by the clock of who sealed it. @default no limit */
  ttlMs?: number;
  /**
   * What a read does that meets a too old item: throw `session/expired`, or leave it out and those before it. It is
   * kept in either case. @default 'throw'
   */
  onExpired?: 'throw' | 'omit';
  /** Remembers the newest item in a place that those who can write to the store cannot reach. @default none */
  head?: SealedHead;
};

type ResealOptions = { plaintext?: boolean; dropExpired?: boolean };

/** How often an append that others were faster than is tried. */
const ATTEMPTS = 1000;

type Unlocked = { readonly scope: Scope; readonly secrets: readonly [Secret, ...Secret[]] };

/**
 * Encrypts another session's items: AES-256-GCM, each bound to its tenant, session and place.
 *
 * Not for hiding how many items there are, how long they are and when they came.
 *
 * @example
 * import { EncryptedSession, MemorySession } from '@baton/agents';
 *
 * const key = crypto.getRandomValues(new Uint8Array(32));
 * const session = new EncryptedSession(new MemorySession(), { keys: [{ id: '2026-11', key }] });
 * await session.addItems([{ type: 'message', role: 'user', content: 'My pin is 1234' }]);
 */
export class EncryptedSession implements Session {
  /** There where the inner session has transactions. */
  declare readonly applyHistoryTransaction?: (args: SessionHistoryTransactionArgs) => Promise<void>;
  /** There where the inner session has transactions. */
  declare readonly applyHistoryMutations?: (args: SessionHistoryRewriteArgs) => Promise<void>;
  /** There where the inner session has turns. */
  declare readonly takeTurn?: Turns['takeTurn'];
  declare readonly endTurn?: Turns['endTurn'];
  declare readonly turnHolder?: Turns['turnHolder'];
  readonly #inner: Session;
  readonly #options: EncryptedSessionOptions;
  #unlocked: Promise<Unlocked> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws UserError when an option is unfit */
  constructor(inner: Session, options: EncryptedSessionOptions) {
    const { keys, tenant, ttlMs } = options ?? {};
    checkInner(inner);
    checkKeys(keys);
    if (tenant !== undefined && (typeof tenant !== 'string' || tenant === '')) {
      throw new UserError(`EncryptedSession option \`tenant\` must be a non-empty string. Got ${typeof tenant}.`);
    }
    if (ttlMs !== undefined && !(ttlMs > 0)) {
      throw new UserError(`EncryptedSession option \`ttlMs\` must be above 0. Got ${ttlMs}.`);
    }
    this.#inner = inner;
    Object.assign(this, innerTurns(inner));
    this.#options = { ...options, keys: [...keys] };
    if (!isSessionHistoryTransactionAwareSession(inner)) return;
    this.applyHistoryTransaction = (args) => this.#inTurn(() => this.#transact(args));
    this.applyHistoryMutations = ({ mutations }) =>
      this.#inTurn(async () => {
        if (mutations.length > 0) await this.#rewrite(mutations);
      });
  }

  get sessionSettings(): SessionSettings | undefined {
    return this.#inner.sessionSettings;
  }

  getSessionId(): Promise<string> {
    return this.#inner.getSessionId();
  }

  /** @throws SessionError of the codes `session/wrong-key` to `session/plaintext`; nothing is changed */
  getItems(limit?: number): Promise<AgentInputItem[]> {
    return this.#inTurn(async () => (await this.#fresh(await this.#read(limit))).map(itemOf));
  }

  /** @throws UserError when an item is no JSON or bytes; SessionError as `getItems` */
  addItems(items: AgentInputItem[]): Promise<void> {
    const texts = textsOf(items, '.addItems()');
    return this.#inTurn(async () => {
      if (texts.length > 0) await this.#append(texts);
    });
  }

  /** @throws SessionError as `getItems`; then the item stays */
  popItem(): Promise<AgentInputItem | undefined> {
    return this.#whenFree(() => this.#pop());
  }

  clearSession(): Promise<void> {
    return this.#whenFree(async () => {
      await this.#options.head?.write(undefined);
      await this.#inner.clearSession();
    });
  }

  /**
   * Seals every item anew with the first key, in one transaction, after which older keys are not needed any more.
   * Positions and times stay.
   *
   * @param options with `plaintext: true`, items that are not sealed are taken in as well: for a session from before
   *   it was encrypted. Whoever can write to the store can then add items, so do it once, when nobody else writes.
   *   With `dropExpired: true`, items older than `ttlMs` are deleted, with those that are of no use without them.
   * @throws UserError when the inner session has no transactions; SessionError as `getItems`
   */
  reseal({ plaintext = false, dropExpired = false }: ResealOptions = {}): Promise<void> {
    const { ttlMs } = this.#options;
    if (dropExpired && ttlMs === undefined) {
      return Promise.reject(new UserError('reseal({ dropExpired: true }) needs the option `ttlMs` of the session.'));
    }
    const oldest = dropExpired && ttlMs !== undefined ? Date.now() - ttlMs : undefined;
    return this.#inTurn(() => this.#rewrite([], { plaintext, oldest }));
  }

  #whenFree<T>(act: () => Promise<T>): Promise<T> {
    return inTurnOf(this.#inner, (step) => this.#inTurn(step), act);
  }

  /** One call after the other, so that each sees what the one before did. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #unlock(): Promise<Unlocked> {
    this.#unlocked ??= (async () => {
      const scope = { tenant: this.#options.tenant ?? 'default', session: await this.#inner.getSessionId() };
      return { scope, secrets: await secretsFor(this.#options.keys, scope) };
    })();
    try {
      return await this.#unlocked;
    } catch (error) {
      // A session that had no id yet may have one the next time.
      this.#unlocked = undefined;
      throw error;
    }
  }

  /** The newest rows, proved; the first row of the session among them where it was reached. */
  async #read(limit?: number): Promise<Opened[]> {
    const { scope, secrets } = await this.#unlock();
    const rows = await this.#inner.getItems(limit);
    const isAll = limit === undefined || !(rows.length >= Math.ceil(limit));
    const opened = openRows(rows, { scope, secrets, isAll });
    await this.#checkHead(opened);
    return opened;
  }

  async #checkHead(opened: readonly Opened[]): Promise<void> {
    const { head } = this.#options;
    if (!head) return;
    const { scope, secrets } = await this.#unlock();
    const more = async (count: number): Promise<Opened[]> =>
      openRows(await this.#inner.getItems(count), { scope, secrets, isAll: false });
    await checkHead(head, { opened, scope, more });
  }

  /** Leaves out what is too old, or refuses it. */
  async #fresh(opened: readonly Opened[]): Promise<Opened[]> {
    const items = opened.filter(isItem);
    const { ttlMs, onExpired = 'throw' } = this.#options;
    if (ttlMs === undefined) return items;
    const oldest = Date.now() - ttlMs;
    const last = items.findLastIndex(({ envelope }) => envelope.at < oldest);
    if (last < 0) return items;
    if (onExpired === 'omit') {
      const entries = items.map((each) => ({ item: itemOf(each), at: each.envelope.at }));
      return items.slice(youngFrom(entries, oldest));
    }
    const { scope } = await this.#unlock();
    throw new SessionError(
      'session/expired',
      `Session "${scope.session}" holds items older than ${ttlMs} ms. They were kept. Clear the session, read fewer ` +
        "items, raise ttlMs, set onExpired: 'omit' to leave them out, or delete them with reseal({ dropExpired: true }).",
      { positions: [last] },
    );
  }

  /** Adds after the newest row. */
  async #append(texts: readonly string[], operationId?: string): Promise<void> {
    let refused: { tag: string; error: unknown } | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [tail] = await this.#read(1);
      if (!tail) {
        // Cleared, perhaps, and its first row is the same each time.
        refused = undefined;
        await begin(this.#inner, await this.#unlock());
        continue;
      }
      const { tag } = tail.envelope;
      // Refused although nobody else was faster: it was done before, or it cannot be done.
      if (refused?.tag === tag) return this.#checkDone(operationId, texts, refused.error);
      const error = await this.#swap([tail], await this.#follow(tail, texts, operationId), operationId);
      if (error === undefined) return;
      refused = { tag, error };
    }
    throw await this.#conflict();
  }

  async #follow(tail: Opened, texts: readonly string[], operationId?: string): Promise<AgentInputItem[]> {
    const { scope, secrets } = await this.#unlock();
    const op = operationId === undefined ? '' : operationMark(operationId, scope);
    const at = Date.now();
    const entries = texts.map((text) => ({ text, op, at }));
    return [tail.row, ...sealAll(entries, { scope, secret: secrets[0], after: tail.envelope })];
  }

  /** Puts `rows`, of which the first is there already, in the place of the newest, if those are `old`. */
  async #swap(old: readonly Opened[], rows: AgentInputItem[], operationId?: string): Promise<unknown> {
    const inner = this.#inner;
    if (!isSessionHistoryTransactionAwareSession(inner)) {
      await inner.addItems(rows.slice(1));
    } else {
      const expectedSuffix = old.map(({ row }) => row);
      const transaction = { type: 'replace_suffix' as const, expectedSuffix, replacement: rows };
      try {
        await inner.applyHistoryTransaction({ operationId: operationId ?? crypto.randomUUID(), transaction });
      } catch (error) {
        if (isRefusal(error)) return error;
        throw error;
      }
    }
    await this.#remember(rows.at(-1));
    return undefined;
  }

  async #remember(newest: AgentInputItem | undefined): Promise<void> {
    const { head } = this.#options;
    if (head && newest) await head.write(headOf(sealedEnvelope(newest)));
  }

  /**
   * After a refusal for which no other writer is to blame: the operation was done before. Its rows say with what. Where
   * they are gone (popped since) only the store's word is left, and nothing is added either.
   */
  async #checkDone(operationId: string | undefined, texts: readonly string[], error: unknown): Promise<void> {
    const stored = operationId === undefined ? [] : await this.#rowsOf(operationId);
    if (stored.length === 0 && !saysDone(error)) throw error;
    if (stored.every(({ text }, n) => isSameText(text, texts[n]))) return;
    throw operationReused(operationId ?? '');
  }

  async #rowsOf(operationId: string): Promise<Opened[]> {
    const { scope } = await this.#unlock();
    const mark = operationMark(operationId, scope);
    return (await this.#read()).filter(({ envelope }) => envelope.op === mark);
  }

  async #transact({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    checkTransaction({ operationId, transaction });
    const where = '.applyHistoryTransaction()';
    if (transaction.type === 'append_items') return this.#append(textsOf(transaction.items, where), operationId);
    const expected = textsOf(transaction.expectedSuffix, where);
    const texts = textsOf(transaction.replacement, where);
    if (expected.length === 0) return this.#append(texts, operationId);
    let refused: { tag: string | undefined; error: unknown } | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const opened = await this.#read(expected.length + 1);
      const [before, ...suffix] = opened;
      const isThere = suffix.length === expected.length && suffix.every(({ text }, n) => isSameText(text, expected[n]));
      const tag = opened.at(-1)?.envelope.tag;
      if (!before || !isThere) {
        const stored = await this.#rowsOf(operationId);
        if (stored.length > 0) return this.#checkDone(operationId, texts, undefined);
        throw suffixChanged();
      }
      if (refused && refused.tag === tag) return this.#checkDone(operationId, texts, refused.error);
      await this.#remember(before.row);
      const error = await this.#swap(opened, await this.#follow(before, texts, operationId), operationId);
      if (error === undefined) return;
      refused = { tag, error };
    }
    throw await this.#conflict();
  }

  async #pop(): Promise<AgentInputItem | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [before, tail] = await this.#read(2);
      if (!before || !tail || (await this.#fresh([tail])).length === 0) return undefined;
      const item = itemOf(tail);
      await this.#remember(before.row);
      if (isSessionHistoryTransactionAwareSession(this.#inner)) {
        if ((await this.#swap([before, tail], [before.row])) === undefined) return item;
      } else {
        if (isSame(await this.#inner.popItem(), tail.row)) return item;
        break;
      }
    }
    throw await this.#conflict();
  }

  async #rewrite(
    mutations: readonly SessionHistoryMutation[],
    { plaintext = false, oldest }: { plaintext?: boolean; oldest?: number | undefined } = {},
  ): Promise<void> {
    const inner = this.#inner;
    if (!isSessionHistoryTransactionAwareSession(inner)) {
      throw new UserError(
        'The inner session of this EncryptedSession has no transactions, so its items cannot be replaced safely. ' +
          'Add them to a new session instead.',
      );
    }
    const check = async (opened: Opened[]): Promise<void> => {
      await this.#checkHead(opened);
      const [first] = opened;
      if (first) await this.#remember(first.row);
    };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const newest = await rewrite(inner, { ...(await this.#unlock()), mutations, plaintext, oldest, check });
      if (newest === 'empty') return;
      if (newest) return this.#remember(newest);
    }
    throw await this.#conflict();
  }

  async #conflict(): Promise<SessionError> {
    const { scope } = await this.#unlock();
    return new SessionError(
      'session/conflict',
      `Session "${scope.session}" is changed by somebody else at the same time. Nothing was lost. Try again later.`,
    );
  }
}

/** Writes the first row. Two that begin at once write the same one, under the same operation. */
async function begin(inner: Session, { scope, secrets }: Unlocked): Promise<void> {
  const items = [firstRow(scope, secrets[0])];
  if (!isSessionHistoryTransactionAwareSession(inner)) return inner.addItems(items);
  for (let generation = await generationOf(inner); ; generation++) {
    const operationId = `baton.sealed/first/${generation}`;
    try {
      return await inner.applyHistoryTransaction({ operationId, transaction: { type: 'append_items', items } });
    } catch (error) {
      // Used before a clear: the next number is free.
      if (error instanceof SessionError && error.code === 'session/cleared') continue;
      if (isRefusal(error) && (await inner.getItems(1)).length > 0) return;
      throw error;
    }
  }
}

/** Stores that count their clears say how many; others forget operations with a clear. */
async function generationOf(inner: Session & { position?: () => Promise<{ generation: number }> }): Promise<number> {
  return typeof inner.position === 'function' ? (await inner.position()).generation : 1;
}
