/**
 * Taking off what only its own origin can read: what another origin said keeps its words and loses its ids, signatures
 * and provider data.
 */
import type { AgentInputItem, ProviderData } from '../../protocol/items.ts';

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
