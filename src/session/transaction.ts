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
        throw new UserError('The transaction append_items needs a list as `items`.');
      }
      break;
    case 'replace_suffix':
      lists.push(transaction.expectedSuffix, transaction.replacement);
      if (!lists.every(Array.isArray)) {
        throw new UserError('The transaction replace_suffix needs lists as `expectedSuffix` and as `replacement`.');
      }
      break;
    default:
      throw new UserError(
        "A session was given a transaction of an unknown type. Give 'append_items' or 'replace_suffix'.",
      );
  }
  if (!lists.every((list) => Array.isArray(list) && list.every(isItemLike) && isStorable(list))) {
    throw new UserError('A transaction has items that cannot be kept as they are. Give objects of JSON and bytes.');
  }
}

/** @throws UserError for a blank one */
export function checkOperationId(operationId: unknown): void {
  if (typeof operationId === 'string' && operationId.trim() !== '') return;
  throw new UserError(
    'A transaction was given a blank operationId. Give each a text of its own, so that it is done once.',
  );
}

/** One id stands for one operation. */
export function operationReused(operationId: string): UserError {
  return new UserError(
    `The operationId "${operationId}" was used for something else. Nothing was changed. Take a new one for each operation.`,
  );
}

/** `expectedSuffix` is not what the history ends with. */
export function suffixChanged(): UserError {
  return new UserError(
    'The history does not end with expectedSuffix (any more). Nothing was changed. Read its end and try again.',
  );
}
