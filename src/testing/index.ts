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
  ScriptedModelStream,
} from './scripted-steps.ts';
export * from './fake-server/index.ts';
export { wireProblem } from './wire-validators/index.ts';
export { sessionConformance } from './session-conformance.ts';
