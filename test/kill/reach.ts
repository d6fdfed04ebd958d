/** What the user code of a system reaches of the process that runs it. */

/** What user code of one process can reach. */
export type Reach = {
  /** Writes into the ledger that survives processes: this was begun. */
  performed(key: string): void;
  /** Aborts the run. */
  abort(): void;
  /** In a durable life: whether something was begun, as a system outside of the run could tell. */
  happened?(key: string): boolean;
  /** User code is about to act, or has acted. */
  at?(subject: Acting, phase: 'before act' | 'after act'): void;
  /** Takes its time, where somebody wants to come in between. */
  pause?(): Promise<void>;
  /** A tool acts, under this idempotency key. */
  acts?(key: string, attempt: number): void;
};

/** What user code does. */
export type Acting = 'model' | ToolKind | 'approval rule' | 'handoff' | 'guardrail' | 'output choice' | 'error handler';
/** What a tool says of its side effects. */
export type ToolKind = 'tool: read' | 'tool: idempotent' | 'tool: once' | 'tool: once, reconciled';

/** Where nobody looks it is the act itself, to the tick. */
export const acting = <T>(reach: Reach, subject: Acting, act: () => Promise<T>): Promise<T> =>
  reach.at ? watched(reach, reach.at, { subject, act }) : act();

async function watched<T>(
  { pause }: Reach,
  at: NonNullable<Reach['at']>,
  { subject, act }: { subject: Acting; act: () => Promise<T> },
): Promise<T> {
  at(subject, 'before act');
  await pause?.();
  try {
    return await act();
  } finally {
    at(subject, 'after act');
    await pause?.();
  }
}
