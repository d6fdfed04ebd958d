/**
 * What a tool says of its side effects, and so what becomes of a call that a crash cut off. Of use in durable runs.
 */
import { UserError } from '../protocol/errors.ts';
import type { RunContext } from './context.ts';
import type { Callback } from './types.ts';

/**
 * `read` changes nothing; `idempotent` does the same thing once or twice under one idempotency key; `once` must not
 * happen twice. A tool that says nothing counts as `once`.
 */
export type ToolEffect = 'read' | 'idempotent' | 'once';

/** What becomes of a call that began and was never answered: it is made again, a person decides, or the run fails. */
export type ToolOnUncertain = 'retry' | 'ask' | 'fail';

/** What `reconcile` gets of a call that may have happened. */
export type ToolReconcileArgs<Input = unknown, Context = unknown> = {
  /** The arguments, validated as for `execute`. */
  readonly input: Input;
  readonly context: RunContext<Context>;
  /** What `execute` was given as `details.idempotencyKey`. */
  readonly idempotencyKey: string;
  /** The attempt that is about to be made, from 2. */
  readonly attempt: number;
};

/** Did it happen? `undefined`: nobody knows, so a person is asked. */
export type ToolReconciled<Result = unknown> = { happened: true; output: Result } | { happened: false } | undefined;

export type ToolReconcileFunction<Input = unknown, Context = unknown, Result = unknown> = Callback<
  [args: ToolReconcileArgs<Input, Context>],
  ToolReconciled<Result> | Promise<ToolReconciled<Result>>
>;

/** The kind of a tool; one that says nothing must not be repeated blindly. */
export const effectOf = ({ effect }: { effect?: ToolEffect }): ToolEffect => effect ?? 'once';

/** @throws UserError that names the option, its value and what it takes */
export function checkRecovery(name: string, options: { [option: string]: unknown }): void {
  const { effect, onUncertain, askTimeoutMs, reconcile } = options;
  oneOf(name, 'effect', { value: effect, allowed: ['read', 'idempotent', 'once'] });
  oneOf(name, 'onUncertain', { value: onUncertain, allowed: ['retry', 'ask', 'fail'] });
  checkAskTimeout(name, { effect, onUncertain, askTimeoutMs });
  if (reconcile === undefined) return;
  if (typeof reconcile !== 'function') {
    throw new UserError(`Tool "${name}" was given reconcile: ${JSON.stringify(reconcile)}. Give a function.`);
  }
  if (effect === 'read' || effect === 'idempotent') {
    throw new UserError(
      `Tool "${name}" has reconcile and effect '${effect}'. A call of that kind is simply made again: leave reconcile out, or say effect: 'once'.`,
    );
  }
}

function checkAskTimeout(name: string, { effect, onUncertain, askTimeoutMs }: { [option: string]: unknown }): void {
  if (askTimeoutMs === undefined) return;
  if (typeof askTimeoutMs !== 'number' || !(askTimeoutMs > 0 && Number.isFinite(askTimeoutMs))) {
    throw new UserError(
      `Tool "${name}" was given askTimeoutMs: ${JSON.stringify(askTimeoutMs)}. Give milliseconds, more than 0.`,
    );
  }
  const isAsked = onUncertain === undefined ? effect !== 'read' && effect !== 'idempotent' : onUncertain === 'ask';
  if (isAsked) return;
  throw new UserError(
    `Tool "${name}" has askTimeoutMs, and nobody is asked about its calls: they are settled by ` +
      `${onUncertain === undefined ? `effect ${JSON.stringify(effect)}` : `onUncertain ${JSON.stringify(onUncertain)}`}. Leave askTimeoutMs out, or say onUncertain: 'ask'.`,
  );
}

function oneOf(name: string, option: string, { value, allowed }: { value: unknown; allowed: readonly string[] }): void {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  throw new UserError(
    `Tool "${name}" was given ${option}: ${JSON.stringify(value)}. Give one of: ${allowed.join(', ')}.`,
  );
}
