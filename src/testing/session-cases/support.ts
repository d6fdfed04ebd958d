/** What the cases of the session suite share. */
import type { AgentInputItem, FunctionCallItem } from '../../protocol/items.ts';
import type { Session, SessionHistoryTransaction, SessionPosition } from '../../session/index.ts';

/** How a case opens another session of the same store: by id, and for a tenant where the store knows tenants. */
export type Open = (sessionId: string, tenant?: string) => Promise<Session>;
export type Check = (session: Session, open: Open) => Promise<void>;

export const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
export const call = (callId: string, args: string): FunctionCallItem => ({
  type: 'function_call',
  callId,
  name: 'lookup',
  arguments: args,
  status: 'completed',
});
export const append = (...items: AgentInputItem[]): SessionHistoryTransaction => ({ type: 'append_items', items });
export const replace = (
  expectedSuffix: AgentInputItem[],
  replacement: AgentInputItem[],
): SessionHistoryTransaction => ({ type: 'replace_suffix', expectedSuffix, replacement });
export const texts = (items: readonly AgentInputItem[]): unknown[] =>
  items.map((item) => ('content' in item ? item.content : undefined));

/** A session that tells positions, as those of files and servers do. */
export type PositionedSession = Session & {
  append(
    items: AgentInputItem[],
    options?: { operationId?: string; generation?: number; expectedHead?: number },
  ): Promise<SessionPosition>;
  position(): Promise<SessionPosition>;
};

export function isPositioned(session: Session): session is PositionedSession {
  return 'append' in session && 'position' in session;
}

/** JSON with sorted keys: stores may give keys back in another order. */
function canonical(value: unknown): string {
  const sorted = (_: string, entry: unknown): unknown =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

export const isSame = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

export function expectSame(actual: unknown, expected: unknown): void {
  if (!isSame(actual, expected)) throw new Error(`Expected ${canonical(expected)}, got ${canonical(actual)}`);
}

export function expectTrue(condition: boolean, expected: string): void {
  if (!condition) throw new Error(`Expected ${expected}`);
}

export async function expectRejection(act: () => Promise<void> | void): Promise<void> {
  const failed = await Promise.resolve()
    .then(act)
    .then(
      () => false,
      () => true,
    );
  expectTrue(failed, 'a rejection');
}

/** The error of a call that must fail. */
export async function rejectionOf(
  act: () => Promise<unknown> | void,
): Promise<Error & { code?: unknown; positions?: unknown }> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`Expected an Error, got ${String(error)}`, { cause: error });
  }
  throw new Error('Expected a rejection');
}
