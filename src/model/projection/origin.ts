/**
 * Whose an item is, and taking off what only its own origin can read.
 *
 * O1: what the same origin said is kept verbatim. O2: what another origin said keeps its words and loses its ids,
 * signatures and provider data. O3: an item without a mark is judged by what an adapter left on it; where nothing
 * tells, it counts as the target's own, as it always did.
 */
import type { AgentInputItem, ProviderData } from '../../protocol/items.ts';
import type { HistoryTarget, HistoryWire } from './target.ts';

export type Ownership = 'own' | 'foreign' | 'unknown';

const RESPONSES_ID = /^(?:rs|fc|msg|ws|fs|ci|ig|cu|sh|ap|mcp|mcpl|mcpr|tsc|tso|cmp)_/;
const CHAT_ID = /^chatcmpl/;
const NAMESPACES: readonly (readonly [string, HistoryWire])[] = [
  ['anthropic', 'anthropic'],
  ['google', 'gemini'],
  ['vertex', 'gemini'],
];

/** Whether the target itself said this. */
export function ownershipOf(item: AgentInputItem, target: HistoryTarget): Ownership {
  const { origin } = item;
  if (origin) {
    const same =
      origin.provider === target.provider &&
      origin.api === target.wire &&
      origin.model === target.model &&
      origin.project === target.project;
    return same ? 'own' : 'foreign';
  }
  const wire = wireOf(item);
  if (wire === undefined) return 'unknown';
  return wire === target.wire ? 'own' : 'foreign';
}

/** The wire whose adapter made an item that nobody marked. */
function wireOf(item: AgentInputItem): HistoryWire | undefined {
  if ('role' in item && item.role !== 'assistant') return undefined;
  const data = item.providerData ?? {};
  for (const [name, wire] of NAMESPACES) if (isObject(data[name])) return wire;
  if (item.type === 'reasoning') {
    if ('reasoning_field' in data || 'reasoning_details' in data) return 'openai-chat';
    if ('encrypted_content' in data || 'type' in data) return 'openai-responses';
    if (item.rawContent && item.rawContent.length > 0) return 'openai-chat';
  }
  if (item.id !== undefined && RESPONSES_ID.test(item.id)) return 'openai-responses';
  if (item.id !== undefined && CHAT_ID.test(item.id)) return 'openai-chat';
  if (item.type === 'unknown') return typeof data['type'] === 'string' ? 'openai-responses' : 'openai-chat';
  return typeof data['type'] === 'string' ? 'openai-responses' : undefined;
}

const isObject = (value: unknown): value is ProviderData => typeof value === 'object' && value !== null;

/** The item without id and provider data, its parts included. The same object where there is nothing to take. */
export function scrub<T extends AgentInputItem>(item: T): T {
  const { id, providerData, ...rest } = item;
  const bare = id === undefined && providerData === undefined;
  const content = 'content' in item && Array.isArray(item.content) ? scrubParts(item.content) : undefined;
  const changed = content !== undefined && 'content' in item && content !== item.content;
  if (bare && !changed) return item;
  // The members that are left are the item's own; only their types were lost in the spread.
  return { ...rest, ...(changed && { content }) } as T;
}

type Part = { providerData?: ProviderData };

function scrubParts(parts: readonly Part[]): readonly Part[] {
  if (!parts.some((part) => part.providerData !== undefined)) return parts;
  return parts.map((part) => {
    const { providerData: _, ...rest } = part;
    return rest;
  });
}

/** The item without its id. */
export function withoutId<T extends AgentInputItem>(item: T): T {
  if (item.id === undefined) return item;
  const { id: _, ...rest } = item;
  return rest as T;
}
