/** The one place where this example imports the test helpers of the SDK. */
export {
  chatReply,
  createFakeServer,
  errorBody,
  messagesReply,
  responsesReply,
  wireProblem,
} from '../../src/testing/index.ts';
export type { FakeAnswer, FakeRequest, FakeToolCall, RenderedReply } from '../../src/testing/index.ts';
