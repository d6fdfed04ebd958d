/** Operations of a ledger as scripts for Redis. */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Deadline } from '../../../store/deadline.ts';
import type { Link } from '../../../store/redis/connections.ts';
import { judgeDurability, weaknesses } from '../../../store/redis/durability.ts';
import { meaningOf } from '../../../store/redis/failure.ts';
import { BudgetLedgerError, notReserved } from '../errors.ts';
import { idText } from '../memory.ts';
import { persistently, type Attempt } from '../operations.ts';
import type { AccountBalance, BudgetAmount, BudgetEntryId, BudgetGrant, BudgetReservation } from '../types.ts';
import { SCRIPTS } from './scripts.ts';

export type StoreOptions = {
  readonly link: Link;
  readonly place: string;
  readonly keyPrefix: string;
  readonly timeoutMs: number;
  readonly requireDurable: boolean;
};

type Ask = { readonly script: keyof typeof SCRIPTS; readonly tenant: string; readonly args: readonly string[] };

/** Of the keys. A change of their shape gets another number. */
const SCHEMA_VERSION = 1;
const MOST_OPEN = '100';

/** What was found out about a server, by the object that stands for it. */
const inspected = new WeakMap<object, Map<string, Promise<readonly string[]>>>();

const HASHES = new Map(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
);

export class RedisBudgets {
  readonly #options: StoreOptions;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  release(): Promise<void> {
    return this.#options.link.release();
  }

  async reserve({ tenant, effect, epoch, lines, amount, replaces }: BudgetReservation): Promise<BudgetGrant> {
    const old = replaces ? entryArgs(replaces) : ['', '', ''];
    const limits = lines.flatMap(({ budget, limit }) => [budget, textOf(limit.nanoUsd), textOf(limit.tokens)]);
    const args = [effect, String(epoch), randomUUID(), ...amountArgs(amount), ...old, beginning(), ...limits];
    const { reply } = await this.#run({ script: 'reserve', tenant, args });
    const [outcome, first, unit, settled, held] = listOf(reply);
    if (outcome === 'ok') return { ok: true, n: Number(first) };
    const { budget = '', limit } = lines[Number(first)] ?? {};
    const what = unit === '1' ? 'nanoUsd' : 'tokens';
    return { ok: false, budget, what, limit: limit?.[what] ?? 0, settled: Number(settled), held: Number(held) };
  }

  async sent(id: BudgetEntryId): Promise<void> {
    const args = [...entryArgs(id), randomUUID()];
    const { reply } = await this.#run({ script: 'sent', tenant: id.tenant, args });
    if (Number(reply) !== 1) throw notReserved(idText(id));
  }

  /** Where an answer was lost and the entry is gone, it was this call that ended it. */
  async end(id: BudgetEntryId, actual: BudgetAmount): Promise<boolean> {
    const args = [...entryArgs(id), ...amountArgs(actual)];
    const { reply, isRepeated } = await this.#run({ script: 'end', tenant: id.tenant, args });
    return Number(reply) === 1 || isRepeated;
  }

  async recover({ tenant, effect, before }: { tenant: string; effect: string; before: number }): Promise<number> {
    const args = [effect, String(Math.min(before, Number.MAX_SAFE_INTEGER))];
    return Number((await this.#run({ script: 'recover', tenant, args })).reply);
  }

  async balance({ tenant, budget }: { tenant: string; budget: string }): Promise<AccountBalance> {
    const { reply } = await this.#run({ script: 'balance', tenant, args: [budget, MOST_OPEN] });
    const [settledNano, settledTokens, heldNano, heldTokens, ...rest] = listOf(reply);
    const open: AccountBalance['open'][number][] = [];
    for (let at = 0; at + 6 <= rest.length; at += 6) {
      const [n, effect = '', epoch, state, nano, tokens] = rest.slice(at, at + 6);
      const amount = { nanoUsd: Number(nano), tokens: Number(tokens) };
      const how = state === 'sent' ? 'sent' : 'reserved';
      open.push({ tenant, effect, epoch: Number(epoch), n: Number(n), state: how, amount });
    }
    return {
      settled: { nanoUsd: Number(settledNano), tokens: Number(settledTokens) },
      held: { nanoUsd: Number(heldNano), tokens: Number(heldTokens) },
      open,
    };
  }

  #run(ask: Ask): Promise<{ reply: unknown; isRepeated: boolean }> {
    return persistently(
      this.#options,
      async (attempt) => {
        await this.#inspect(attempt.deadline);
        return { reply: await this.#send(ask, attempt), isRepeated: attempt.isRepeated };
      },
      meaningOf,
    );
  }

  async #send({ script, tenant, args }: Ask, { deadline, writes }: Attempt): Promise<unknown> {
    const { link, keyPrefix } = this.#options;
    // In braces is what Redis Cluster places a key by: all accounts of a tenant are on one server.
    const tag = `${keyPrefix}:{${encodeURIComponent(tenant)}}`;
    const keys = ['accounts', 'entries', 'effects', 'open', 'last'].map((part) => `${tag}:${part}`);
    const rest = [String(keys.length), ...keys, ...args];
    if (script !== 'balance') writes();
    try {
      return await link.send(deadline, ['EVALSHA', HASHES.get(script) ?? '', ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return link.send(deadline, ['EVAL', SCRIPTS[script], ...rest]);
    }
  }

  async #inspect(deadline: Deadline): Promise<void> {
    const { link, keyPrefix, place, requireDurable } = this.#options;
    const send = (args: string[]): Promise<unknown> => link.send(deadline, args);
    // Connects first: only then it is known which server this is.
    if (!inspected.has(link.server())) await send(['PING']);
    const server = link.server();
    const byPrefix = inspected.get(server) ?? new Map<string, Promise<readonly string[]>>();
    inspected.set(server, byPrefix);
    const known = byPrefix.get(keyPrefix);
    const facts = known ?? checkSchema(send, { place, keyPrefix }).then(() => weaknesses(send, 'budgets'));
    if (!known) {
      byPrefix.set(keyPrefix, facts);
      facts.catch(() => byPrefix.delete(keyPrefix));
    }
    const refuse = (message: string): Error => new BudgetLedgerError(message, { code: 'budget/not-durable' });
    judgeDurability(await facts, { place, what: 'budgets', server, refuse: requireDurable ? refuse : undefined });
  }
}

async function checkSchema(
  send: (args: string[]) => Promise<unknown>,
  { place, keyPrefix }: { place: string; keyPrefix: string },
): Promise<void> {
  const key = `${keyPrefix}:schema`;
  const version = Number((await send(['GET', key])) ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new BudgetLedgerError(
      `${place} has version ${version} of the budget keys under "${keyPrefix}"; this version of @baton/agents knows up ` +
        `to ${SCHEMA_VERSION}. Upgrade the package, or use another keyPrefix. Nothing was changed.`,
      { code: 'budget/newer-schema' },
    );
  }
  if (version < SCHEMA_VERSION) await send(['SET', key, String(SCHEMA_VERSION)]);
}

/** Padded as the scripts pad it. */
const entryArgs = ({ effect, epoch, n }: BudgetEntryId): string[] => [
  effect,
  String(epoch),
  String(n).padStart(16, '0'),
];
const amountArgs = ({ nanoUsd, tokens }: BudgetAmount): string[] => [String(nanoUsd), String(tokens)];

/** Infinity is no number to Redis; to exceed it is not possible either. */
const textOf = (limit: number | undefined): string =>
  limit === undefined || !Number.isFinite(limit) ? '' : String(limit);

const beginning = (): string => String(randomInt(1, 2 ** 47));

const listOf = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : []);
