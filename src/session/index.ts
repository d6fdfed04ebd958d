export { applySessionHistoryMutations } from './items.ts';
export { MemorySession } from './memory-session.ts';
export type { MemorySessionOptions } from './memory-session.ts';
export {
  isOpenAIResponsesCompactionAwareSession,
  isRunContextAwareSession,
  isSessionHistoryRewriteAwareSession,
  isSessionHistoryTransactionAwareSession,
} from './types.ts';
export type {
  OpenAIResponsesCompactionArgs,
  OpenAIResponsesCompactionAwareSession,
  OpenAIResponsesCompactionResult,
  RunContextAwareSession,
  Session,
  SessionHistoryAppendItemsTransaction,
  SessionHistoryMutation,
  SessionHistoryReplaceFunctionCallMutation,
  SessionHistoryReplaceSuffixTransaction,
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransaction,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
  SessionInputCallback,
  SessionRunContext,
} from './types.ts';
