export { chatReply, responsesReply } from './reply.ts';
export type { FakeEvent, FakeReplyContent, FakeToolCall, FakeUsage, RenderedReply } from './reply.ts';
export { createFakeServer, errorBody } from './server.ts';
export type { FakeAnswer, FakeRequest, FakeServer, FakeServerOptions } from './server.ts';
