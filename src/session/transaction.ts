/** Which transactions on a history every driver takes. */
import { UserError } from '../protocol/errors.ts';
import { isItemLike, isStorable } from './items.ts';
import type { SessionHistoryTransactionArgs } from './types.ts';

/** @throws UserError for a blank operation id, an unknown type, missing lists, and data that no store keeps as it is */
export function checkTransaction({ operationId, transaction }: SessionHistoryTransactionArgs): void {
  checkOperationId(operationId);
  const lists: unknown[] = [];
  switch (transaction?.type) {
    case 'append_items':
      lists.push(transaction.items);
      if (!Array.isArray(transaction.items)) {
        throw new UserError('Session history append transaction fields are invalid. `items` must be an array.');
      }
      break;
    case 'replace_suffix':
      lists.push(transaction.expectedSuffix, transaction.replacement);
      if (!lists.every(Array.isArray)) {
        throw new UserError(
          'Session history replace transaction fields are invalid. `expectedSuffix` and `replacement` must be arrays.',
        );
      }
      break;
    default:
      throw new UserError("Unsupported session history transaction type. Use 'append_items' or 'replace_suffix'.");
  }
  if (!lists.every((list) => Array.isArray(list) && list.every(isItemLike) && isStorable(list))) {
    throw new UserError(
      'Session history transaction items contain invalid or unsupported data. Use objects of JSON and bytes.',
    );
  }
}

/** @throws UserError for a blank one */
export function checkOperationId(operationId: unknown): void {
  if (typeof operationId === 'string' && operationId.trim() !== '') return;
  throw new UserError('Session history transaction operationId must be a non-empty string.');
}
