export {
  getDefaultOpenAIClient,
  setDefaultModel,
  setDefaultModelProvider,
  setDefaultOpenAIClient,
  setDefaultOpenAIKey,
  setDefaultPrices,
  setOpenAIAPI,
  setOpenAIResponsesTransport,
} from './defaults.ts';
export type { ContextStrategy, Envelope, SaveOptions } from './codec.ts';
export type { Cost, RunCost } from './cost.ts';
export { stateOfError } from './errors.ts';
export type * from './options.ts';
export { type CompletedAgentToolInvocationRunResult, RunResult, StreamedRunResult } from './result.ts';
export { RunState } from './run-state.ts';
export { run, Runner } from './run.ts';
export type { RunInput } from './run.ts';
export { SummarizingSession } from './summary-session.ts';
export type { SummarizingSessionOptions } from './summary-session.ts';
export type { SessionTurnOptions } from './turn-options.ts';
export { withResponsesWebSocketSession } from './websocket-session.ts';
export type { ResponsesWebSocketSession, ResponsesWebSocketSessionOptions } from './websocket-session.ts';
