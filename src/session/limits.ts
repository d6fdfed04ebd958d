/**
 * How much of a history a run gets: the newest items that fit, cut where no vendor takes offence.
 *
 * H1 A result never comes without its call, nor an item without the reasoning before it.
 * H2 What is left out stays in the session.
 */
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import {
  isRunContextAwareSession,
  type Session,
  type SessionRunContext,
  type SessionSettings,
  type TokenCounter,
} from './types.ts';

/** Lays the settings of a run over those of its session, one by one. */
export function resolveSessionSettings(
  base: SessionSettings | undefined,
  override: SessionSettings | undefined,
): SessionSettings {
  return { ...base, ...Object.fromEntries(Object.entries(override ?? {}).filter(([, value]) => value !== undefined)) };
}

/**
 * The history of a session within limits, oldest first. A session that knows how counts for itself (`getHistory`).
 *
 * @throws UserError when a limit is below 0
 */
export async function readHistory(
  session: Session,
  settings: SessionSettings = {},
  runContext?: SessionRunContext,
): Promise<AgentInputItem[]> {
  const { limit, maxTokens } = settings;
  checkLimits(settings);
  const isLimited = limit !== undefined || maxTokens !== undefined;
  if (isLimited && session.getHistory) return session.getHistory(settings, runContext);
  // One more, to see whether the oldest of them stands alone.
  const count = limit === undefined ? undefined : Math.floor(limit) + 1;
  const items = isRunContextAwareSession(session)
    ? await session.getItems(count, runContext)
    : await session.getItems(count);
  return isLimited ? limitHistory(items, settings) : items;
}

/**
 * The newest items that fit, cut at a safe place: the longest end of the list within the limits. Empty where not even
 * the last call with its result fits.
 */
export function limitHistory(
  items: readonly AgentInputItem[],
  { limit = Infinity, maxTokens = Infinity, countTokens = estimateTokens }: SessionSettings,
): AgentInputItem[] {
  const isSafe = safeStarts(items);
  let start = items.length;
  let tokens = 0;
  for (let at = items.length - 1; at >= 0 && items.length - at <= limit; at--) {
    const item = items[at];
    if (maxTokens !== Infinity && item) tokens += countTokens(item);
    if (tokens > maxTokens) break;
    if (isSafe(at)) start = at;
  }
  return items.slice(start);
}

/** Where a history may begin: not between a call and its result, and not right after reasoning. */
export function safeStarts(items: readonly AgentInputItem[]): (at: number) => boolean {
  /** How many pairs are torn by a cut at each place, as differences from the place before. */
  const torn = new Int32Array(items.length + 2);
  const tear = (from: number, to: number): void => {
    torn[from] = (torn[from] ?? 0) + 1;
    torn[to + 1] = (torn[to + 1] ?? 0) - 1;
  };
  const calls = new Map<string, number>();
  for (const [at, item] of items.entries()) {
    if (item.type === 'reasoning') tear(at + 1, at + 1);
    const id = 'callId' in item && typeof item.callId === 'string' ? item.callId : undefined;
    if (id === undefined) continue;
    if (!/_(result|output)$/.test(item.type ?? '')) calls.set(id, at);
    // A result whose call is not here cannot be sent: the call is older than what was read.
    else {
      tear((calls.get(id) ?? -1) + 1, at);
      calls.delete(id);
    }
  }
  for (let at = 1; at < torn.length; at++) torn[at] = (torn[at] ?? 0) + (torn[at - 1] ?? 0);
  return (at) => torn[at] === 0;
}

const BINARY_TOKENS = 1000;

/**
 * Tokens of an item, guessed: a quarter of the characters of its JSON, and 1000 for each image or file within it.
 * Give a tokenizer of your model as `countTokens` where it matters.
 */
export const estimateTokens: TokenCounter = (item) => {
  let binaries = 0;
  const text = JSON.stringify(item, (_, value: unknown) => {
    const isBinary = value instanceof Uint8Array || (typeof value === 'string' && value.startsWith('data:'));
    if (isBinary) binaries++;
    return isBinary ? '' : value;
  });
  return Math.ceil(text.length / 4) + binaries * BINARY_TOKENS;
};

function checkLimits({ limit, maxTokens }: SessionSettings): void {
  for (const [name, value] of Object.entries({ limit, maxTokens })) {
    if (value === undefined || value >= 0) continue;
    throw new UserError(`sessionSettings.${name} is ${value}. Give a number of 0 or more, or leave it out.`);
  }
}
