/** Which sessions can be wrapped by another. */
import { UserError } from '../protocol/errors.ts';
import { isRunContextAwareSession, type Session } from './types.ts';

/** @throws UserError for what is no session, and for one that needs the run's context, which a wrapper does not have */
export function checkInner(inner: Session): void {
  if (typeof inner?.getItems !== 'function' || typeof inner.addItems !== 'function') {
    throw new UserError(`A session was expected to keep the items in. Got ${inner === null ? 'null' : typeof inner}.`);
  }
  if (!isRunContextAwareSession(inner)) return;
  throw new UserError(
    'A session that needs the context of the run (`acceptsRunContext`) cannot be wrapped. Open one for the tenant ' +
      'instead, and wrap that.',
  );
}
