export { OpenAIResponsesCompactionSession } from './compaction-session.ts';
export type {
  OpenAIResponsesCompactionDecisionContext,
  OpenAIResponsesCompactionMode,
  OpenAIResponsesCompactionSessionOptions,
} from './compaction-session.ts';
export type { OpenAIConversationsClient } from './conversations-client.ts';
export { OpenAIConversationsSession, startOpenAIConversationsSession } from './conversations-session.ts';
export type { OpenAIConversationsSessionOptions } from './conversations-session.ts';
export { OPENAI_SESSION_API } from './history.ts';
export type { OpenAISessionAPI } from './history.ts';
