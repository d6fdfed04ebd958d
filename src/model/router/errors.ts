import { AgentsError } from '../../protocol/errors.ts';
import type { SkipReason } from './types.ts';

/** No target of a route could be asked: all rest, lack what is needed, or are used up. */
export class RouteUnavailableError extends AgentsError {
  override readonly code = 'model/route-unavailable';
  /** Why each target was passed over. */
  readonly skipped: readonly { target: string; because: SkipReason }[];

  constructor(route: string, skipped: readonly { target: string; because: SkipReason }[]) {
    const why = skipped.map(({ target, because }) => `${target} (${because})`).join(', ');
    super(`No target of the route "${route}" can be asked now: ${why || 'it has none left'}. Add targets, or wait.`);
    this.skipped = skipped;
  }
}
