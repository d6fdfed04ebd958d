/**
 * Whose an item is. An item without a mark is judged by what an adapter left on it; where nothing tells, it counts as
 * the target's own, as it always did.
 *
 * The rest of the projection is handed this and does not import it: OpenAI's models, which every run can reach, ask
 * whose an item is without bringing the rest along.
 */
import type { AgentInputItem, ProviderData } from '../../protocol/items.ts';
import type { HistoryTarget, HistoryWire, Ownership } from './target.ts';

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

/** Whether another model, or another wire's adapter, made this for sure. */
export function isForeignTo(item: AgentInputItem, target: HistoryTarget): boolean {
  // What nobody marked and nothing tells of but its form may be a seed that the user wrote.
  const seed = item.origin === undefined && item.id === undefined && item.providerData === undefined;
  return !seed && (item.type !== 'unknown' || item.origin !== undefined) && ownershipOf(item, target) === 'foreign';
}

/** The wire whose adapter made an item that nobody marked. */
function wireOf(item: AgentInputItem): HistoryWire | undefined {
  if ('role' in item && item.role !== 'assistant') return undefined;
  const data = item.providerData ?? {};
  for (const [name, wire] of NAMESPACES) if (isObject(data[name])) return wire;
  if (item.type === 'reasoning') {
    if ('reasoning_field' in data || 'reasoning_details' in data || 'thinking_blocks' in data) return 'openai-chat';
    if ('encrypted_content' in data || 'type' in data) return 'openai-responses';
    if (item.rawContent && item.rawContent.length > 0) return 'openai-chat';
  }
  if (item.id !== undefined && RESPONSES_ID.test(item.id)) return 'openai-responses';
  if (item.id !== undefined && CHAT_ID.test(item.id)) return 'openai-chat';
  if (item.type === 'unknown') return typeof data['type'] === 'string' ? 'openai-responses' : 'openai-chat';
  return typeof data['type'] === 'string' ? 'openai-responses' : undefined;
}

const isObject = (value: unknown): value is ProviderData => typeof value === 'object' && value !== null;
