import { AgentsError } from '../../protocol/errors.ts';
import type { SkipReason } from './types.ts';

/** Why a target was passed over; `forMs`: how much longer, where that is known; `said`: what it answered last. */
export type Skipped = {
  target: string;
  because: SkipReason;
  forMs?: number | undefined;
  said?: string | undefined;
};

/** No target of a route could be asked: all rest, lack what is needed, or are used up. */
export class RouteUnavailableError extends AgentsError {
  override readonly code = 'model/route-unavailable';
  /** Why each target was passed over. */
  readonly skipped: readonly { target: string; because: SkipReason }[];

  constructor(route: string, skipped: readonly Skipped[]) {
    const lines = skipped.map(({ target, ...why }) => `${target} (${textOf(why)})`);
    const remedy = skipped.some(({ because }) => isTemporary(because)) ? 'Add targets, or wait.' : 'Add one that can.';
    super(`No target of the route "${route}" can be asked now: ${lines.join('; ') || 'it has none left'}. ${remedy}`);
    this.skipped = skipped.map(({ target, because }) => ({ target, because }));
  }
}

function textOf({ because, forMs, said }: Omit<Skipped, 'target'>): string {
  const time = forMs === undefined ? '' : `, for another ${Math.max(1, Math.ceil(forMs / 1000))} s`;
  if (!isTemporary(because))
    return because === 'contextWindow' ? 'the request is too long for it' : `has no ${because}`;
  return `${because}${time}${said === undefined ? '' : `, because ${said.replace(/\.$/, '')}`}`;
}

function isTemporary(because: SkipReason): boolean {
  switch (because) {
    case 'limit':
    case 'cooldown':
    case 'breaker':
    case 'quota':
    case 'config':
      return true;
    case 'tools':
    case 'hostedTools':
    case 'structuredOutput':
    case 'vision':
    case 'contextWindow':
      return false;
  }
}
