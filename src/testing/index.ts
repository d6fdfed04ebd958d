/** What tests of multi-agent systems need. No network, no clock. */
export { ScriptedModel } from './scripted-model.ts';
export type { ScriptedModelOptions } from './scripted-model.ts';
export {
  InvalidScriptedModelStepError,
  ScriptedModelRequestAbortedError,
  UnconsumedModelStepsError,
  UnexpectedModelCallError,
} from './scripted-errors.ts';
export type { InvalidScriptedModelStepReason } from './scripted-errors.ts';
export {
  assistantMessage,
  functionCall,
  modelError,
  modelResponder,
  modelResponse,
  modelStream,
  modelStreamResponder,
} from './scripted-steps.ts';
export type {
  AssistantMessageOptions,
  FunctionCallOptions,
  RecordedModelCall,
  ScriptedModelInput,
  ScriptedModelResponse,
  ScriptedModelRetryAdvice,
  ScriptedModelStep,
  ScriptedModelStream,
} from './scripted-steps.ts';
export {
  chatReply,
  createFakeServer,
  errorBody,
  messagesErrorBody,
  messagesReply,
  responsesReply,
} from './fake-server/index.ts';
export type {
  FakeAnswer,
  FakeEvent,
  FakeReplyContent,
  FakeRequest,
  FakeServer,
  FakeServerOptions,
  FakeToolCall,
  FakeUsage,
  RenderedReply,
} from './fake-server/index.ts';
export { wireProblem } from './wire-validators/index.ts';
export { sessionConformance } from './session-conformance.ts';
export type { ConformanceCase, SessionConformanceOptions } from './session-conformance.ts';
export { branchConformance } from './branch-conformance.ts';
export type { BranchConformanceOptions } from './branch-conformance.ts';
export { eventLogConformance } from './event-log-conformance.ts';
export type { EventLogConformanceOptions } from './event-log-conformance.ts';
export { budgetLedgerConformance } from './budget-ledger-conformance.ts';
export type { BudgetLedgerConformanceOptions } from './budget-ledger-conformance.ts';
export { responseStoreConformance } from './response-store-conformance.ts';
export type { ResponseStoreConformanceOptions } from './response-store-conformance.ts';
