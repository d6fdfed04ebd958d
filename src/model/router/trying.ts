/** One attempt at one target, and what is reported of it. */
import type { Model, ModelCallAttempt, ModelRequest, UsageData } from '../../protocol/model.ts';
import type { Guard } from './guard.ts';
import type { Target } from './targets.ts';

/** What is being tried. */
export type Trying = {
  readonly target: Target;
  readonly model: Model;
  readonly guard: Guard;
  readonly request: ModelRequest;
  readonly startedAt: number;
  /** Counts the attempts of the call, from 1. */
  readonly attempt: number;
  /** The call is over, as far as limits go. */
  readonly release: (tokens?: number) => void;
  /** It was begun beside another one. */
  hedged?: true;
  firstTokenMs?: number;
  usage?: UsageData;
  cost?: Pick<ModelCallAttempt, 'nanoUsd' | 'price'>;
  headers?: Headers;
};

/** How an attempt ended. */
export type Ended = { at: number; ms: number; error?: unknown; delayMs?: number };

export function attemptOf(trying: Trying, { at, ms, error, delayMs }: Ended): ModelCallAttempt {
  const { target, firstTokenMs, usage, cost, hedged } = trying;
  const origin = target.origin();
  return {
    at,
    ms,
    ...(firstTokenMs !== undefined && { firstTokenMs: Math.round(firstTokenMs) }),
    ...(error !== undefined && { error }),
    ...(delayMs !== undefined && delayMs > 0 && { delayMs }),
    target: target.label,
    ...(origin && { origin }),
    ...(usage && { usage }),
    ...cost,
    ...(error !== undefined && !cost && isFree(error) && { nanoUsd: 0 }),
    ...(hedged && { hedged }),
  };
}

/** The server answered with an error status, and nothing else: vendors do not charge for that. */
function isFree(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  return typeof error.status === 'number' && !('responseStarted' in error && error.responseStarted === true);
}
