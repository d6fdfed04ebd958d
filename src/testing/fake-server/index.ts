export { messagesReply } from './messages-reply.ts';
export { chatReply, responsesReply } from './reply.ts';
export type { FakeEvent, FakeReplyContent, FakeToolCall, FakeUsage, RenderedReply } from './reply.ts';
export { createFakeServer, errorBody, messagesErrorBody } from './server.ts';
export type { FakeAnswer, FakeRequest, FakeServer, FakeServerOptions } from './server.ts';
