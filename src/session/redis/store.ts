/** Commands of sessions as scripts for Redis. */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { SessionError } from '../errors.ts';
import { decodeItem } from '../sqlite/codec.ts';
import type { Answer, Command, Row, Scope, SessionPosition } from '../sqlite/commands.ts';
import { persist } from '../../store/deadline.ts';
import type { Deadline } from '../../store/deadline.ts';
import { cleared, conflict, isSameSuffix, operationHash, safeId } from '../stored/operations.ts';
import { operationReused, suffixChanged } from '../transaction.ts';
import type { SessionStore } from '../stored/session-calls.ts';
import { decodeLine } from '../turns/codec.ts';
import { NOBODY } from '../turns/line.ts';
import { changeLine, type LineIo, refusal, type StoredLine } from '../turns/stored.ts';
import type { Link } from '../../store/redis/connections.ts';
import { judgeDurability, weaknesses } from '../../store/redis/durability.ts';
import type { Send } from '../../store/redis/durability.ts';
import { judge } from './failure.ts';
import { SCRIPTS } from './scripts.ts';

/** Of the keys. A change of their shape gets another number. */
const SCHEMA_VERSION = 1;

export type RedisStoreOptions = {
  readonly link: Link;
  readonly place: string;
  readonly keyPrefix: string;
  readonly ttlMs: number;
  readonly ttlMode: 'sliding' | 'fixed';
  readonly requireDurable: boolean;
};

type Write = Command & { readonly do: 'append' | 'replace' };
type Context = RedisStoreOptions & { readonly send: Send; readonly sendWrite: Send };

export function redisStore(options: RedisStoreOptions): SessionStore {
  const { link, place } = options;
  return {
    place,
    repairAt: 'the list of key <prefix>:{<tenant>:<session>}:items',
    request: (command, deadline) => {
      let mayHaveWritten = false;
      const send: Send = (args) => link.send(deadline, args);
      const sendWrite: Send = (args) => {
        mayHaveWritten = true;
        return send(args);
      };
      return persist(
        deadline,
        async () => {
          mayHaveWritten = false;
          await inspect(options, deadline);
          return execute({ ...options, send, sendWrite }, command);
        },
        (error) => judge(error, { place, deadline, command, mayHaveWritten }),
      );
    },
    release: link.release,
  };
}

/** What was found out about a server, by the object that stands for it. */
const inspected = new WeakMap<object, Map<string, Promise<readonly string[]>>>();

async function inspect(
  { link, place, keyPrefix, requireDurable }: RedisStoreOptions,
  deadline: Deadline,
): Promise<void> {
  const send: Send = (args) => link.send(deadline, args);
  // Connects first: only then it is known which server this is.
  if (!inspected.has(link.server())) await send(['PING']);
  const server = link.server();
  const byPrefix = inspected.get(server) ?? new Map<string, Promise<readonly string[]>>();
  inspected.set(server, byPrefix);
  const facts =
    byPrefix.get(keyPrefix) ?? checkSchema(send, { place, keyPrefix }).then(() => weaknesses(send, 'sessions'));
  byPrefix.set(keyPrefix, facts);
  facts.catch(() => byPrefix.delete(keyPrefix));
  const refuse = (message: string): SessionError => new SessionError('session/not-durable', message);
  judgeDurability(await facts, { place, what: 'sessions', server, refuse: requireDurable ? refuse : undefined });
}

async function checkSchema(send: Send, { place, keyPrefix }: { place: string; keyPrefix: string }): Promise<void> {
  const key = `${keyPrefix}:schema`;
  const version = Number((await send(['GET', key])) ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new SessionError(
      'session/newer-schema',
      `${place} has version ${version} of the session keys under "${keyPrefix}"; this version of @baton/agents knows ` +
        `up to ${SCHEMA_VERSION}. Upgrade the package, or use another keyPrefix. Nothing was changed.`,
    );
  }
  if (version < SCHEMA_VERSION) await send(['SET', key, String(SCHEMA_VERSION)]);
}

async function execute(context: Context, command: Command): Promise<Answer> {
  switch (command.do) {
    case 'read':
      return read(context, command);
    case 'position':
      return { position: await positionOf(context, command) };
    case 'append':
    case 'replace':
      return { position: await write(context, command) };
    case 'rewrite':
      for (const change of command.changes) await rewrite(context, command, change);
      return {};
    case 'pop':
      return pop(context, command);
    case 'clear':
      await run(context, command, { script: 'clear', args: [...turnOf(command), freshSalt(), ...ttlOf(context)] });
      return {};
    case 'line': {
      const { text, now } = await lineOf(context, command);
      return { line: decodeLine(text, command.session), now };
    }
    case 'turn':
      return { turn: await changeLine(linesOf(context, command), command.command) };
  }
}

async function lineOf(context: Context, scope: Scope): Promise<StoredLine> {
  const reply = await run(context, scope, { script: 'line', args: [] });
  const [text, now] = Array.isArray(reply) ? reply.map(String) : [];
  return { text: text === '' ? undefined : text, now: Number(now) };
}

function linesOf(context: Context, scope: Scope): LineIo {
  return {
    sessionId: scope.session,
    // A server may lose the line, with what was counted in it: whoever had a turn before must not have that fence again.
    empty: { ...NOBODY, fence: randomInt(2 ** 40) },
    read: () => lineOf(context, scope),
    async swap(before = '', after) {
      const args = [before, after, String(context.ttlMs)];
      return (await run(context, scope, { script: 'swap', args })) === 'done';
    },
  };
}

type Entry = { readonly raw: string; readonly seq: number; readonly text: string; readonly isReadable: boolean };

/** The newest entries, oldest first. With a limit it counts readable ones, where `tolerant` is asked for. */
async function entriesOf(context: Context, command: Scope & { limit: number; tolerant: boolean }): Promise<Entry[]> {
  const { limit, tolerant } = command;
  for (let window = limit; ; window *= 2) {
    const from = limit < 0 ? '0' : String(-window);
    const raws = await context.send(['LRANGE', keysOf(context, command)[1] ?? '', from, '-1']);
    const entries = parse(Array.isArray(raws) ? raws.map(String) : []);
    if (!tolerant || limit < 0) return entries;
    const readable = entries.filter(({ isReadable }) => isReadable);
    if (readable.length >= limit) return entries.slice(entries.findIndex((entry) => entry === readable.at(-limit)));
    if (entries.length < window) return entries;
  }
}

function parse(raws: readonly string[]): Entry[] {
  let before = 0;
  return raws.map((raw) => {
    const [, seq, text = ''] = /^(\d+) (.*)$/s.exec(raw) ?? [];
    // Where an entry has lost its position, the one after its neighbour's is the best guess.
    before = seq === undefined ? before + 1 : Number(seq);
    return { raw, seq: before, text, isReadable: seq !== undefined && decodeItem(text) !== undefined };
  });
}

async function read(context: Context, command: Command & { readonly do: 'read' }): Promise<Answer> {
  const entries = await entriesOf(context, command);
  const texts = entries.filter(({ isReadable }) => isReadable).map(({ text }) => text);
  return { texts, unreadable: entries.filter(({ isReadable }) => !isReadable).map(({ seq }) => seq) };
}

async function pop(context: Context, command: Command & { readonly do: 'pop' }): Promise<Answer> {
  for (;;) {
    const entries = await entriesOf(context, { ...command, limit: 1 });
    const unreadable = entries.filter(({ isReadable }) => !isReadable).map(({ seq }) => seq);
    const [newest] = entries;
    if (!newest?.isReadable) return { unreadable };
    const args = [...turnOf(command), ...ttlOf(context), callIdIn(newest.text), ...entries.map(({ raw }) => raw)];
    const outcome = await run(context, command, { script: 'pop', args });
    if (outcome === 'done') return { texts: [newest.text], unreadable };
  }
}

async function rewrite(context: Context, scope: Command, change: { callId: string; row: Row }): Promise<void> {
  const callId = safeId(change.callId);
  for (;;) {
    const found = await run(context, scope, { script: 'find', args: [callId] });
    const raws: unknown = Array.isArray(found) ? found[0] : [];
    const entries = parse(Array.isArray(raws) ? raws.map(String) : []).filter(({ isReadable }) => isReadable);
    if (entries.length === 0) return;
    const edits = entries.flatMap(({ raw }, index) =>
      index === 0 ? [raw, callId, change.row.text, callIdOf(change.row)] : [raw, callId, '', ''],
    );
    if (
      (await run(context, scope, { script: 'edit', args: [...turnOf(scope), ...ttlOf(context), ...edits] })) === 'done'
    )
      return;
  }
}

async function positionOf(context: Context, scope: Scope): Promise<SessionPosition> {
  const reply = await context.send(['HMGET', keysOf(context, scope)[0] ?? '', 'generation', 'head']);
  const [generation, at] = Array.isArray(reply) ? reply : [];
  const head = Number(at ?? 0);
  return { generation: Number(generation ?? 1), first: head + 1, last: head };
}

async function write(context: Context, command: Write): Promise<SessionPosition> {
  const { rows, operationId, session } = command;
  const [generation = '', head = ''] = command.do === 'append' ? [command.generation, command.expectedHead] : [];
  const operation = operationId === undefined ? ['', ''] : [safeId(operationId), operationHash(command)];
  let suffix = command.do === 'replace' ? command.expected : [];
  for (;;) {
    const args = [...turnOf(command), ...operation, String(generation), String(head), freshSalt(), ...ttlOf(context)];
    const pairs = [
      ...suffix.flatMap((text) => [text, callIdIn(text)]),
      ...rows.flatMap((row) => [row.text, callIdOf(row)]),
    ];
    const reply = await run(context, command, {
      script: 'write',
      args: [...args, String(suffix.length), String(rows.length), ...pairs],
    });
    const [outcome, ...numbers] = Array.isArray(reply) ? reply : [];
    const [in_ = 0, first = 0, last = 0] = numbers.map(Number);
    switch (outcome) {
      case 'done':
        return { generation: in_, first, last };
      case 'cleared':
        throw cleared(session, context.place);
      case 'other':
        throw operationReused(operationId ?? '');
      case 'conflict':
        throw conflict({ session, head: last, expected: Number(head) });
      case 'changed': {
        // The same content may have been stored with its keys in another order: the script compares texts.
        const entries = await entriesOf(context, { ...command, limit: suffix.length, tolerant: false });
        const stored = entries.map(({ text }) => text);
        if (command.do !== 'replace' || !isSameSuffix(stored, command.expected)) throw suffixChanged();
        suffix = stored;
        break;
      }
      default:
        throw new SessionError('session/store', `${context.place}: the answer has no outcome.`);
    }
  }
}

/** In braces is what Redis Cluster places a key by: all keys of a session are on one server. */
export function keysOf({ keyPrefix }: { readonly keyPrefix: string }, { tenant, session }: Scope): string[] {
  const tag = `{${encodeURIComponent(tenant)}:${encodeURIComponent(session)}}`;
  return ['head', 'items', 'ops', 'calls', 'turn'].map((part) => `${keyPrefix}:${tag}:${part}`);
}

const hashes = new Map(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
);

type Script = { readonly script: keyof typeof SCRIPTS; readonly args: readonly string[] };

async function run(context: Context, scope: Scope, { script, args }: Script): Promise<unknown> {
  const rest = ['5', ...keysOf(context, scope), ...args];
  const send = script === 'find' || script === 'line' ? context.send : context.sendWrite;
  const reply = await send(['EVALSHA', hashes.get(script) ?? '', ...rest]).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return send(['EVAL', SCRIPTS[script], ...rest]);
  });
  const [kind, line] = Array.isArray(reply) ? reply : [];
  if (kind !== 'fenced' && kind !== 'taken') return reply;
  throw refusal(kind, line === '' ? undefined : String(line), scope.session);
}

/** What a script that writes begins with. */
function turnOf(command: Command): string[] {
  const { turn } = command;
  const needsTurn = command.do === 'pop' || command.do === 'clear';
  return [turn?.key ?? '', turn === undefined ? '' : String(turn.fence), needsTurn ? '1' : '0'];
}

const ttlOf = ({ ttlMs, ttlMode }: Context): string[] => [String(ttlMs), ttlMode];
const freshSalt = (): string => randomBytes(16).toString('hex');
const callIdOf = ({ callId }: Row): string => (callId === undefined ? '' : safeId(callId));

/** The call id that an item was noted under. */
function callIdIn(text: string): string {
  const item = decodeItem(text);
  return item?.type === 'function_call' && typeof item.callId === 'string' ? safeId(item.callId) : '';
}
