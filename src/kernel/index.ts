/** The kernel: events, their fold, the decision, the loop. Pure but for `drive`; imports nothing but the protocol. */
export { apply, fold } from './apply.ts';
export { callIndex } from './edit.ts';
export { drive, type World } from './drive.ts';
export type * from './events.ts';
export { at, collect, type List, listOf, toArray } from './list.ts';
export { textOf } from './reply.ts';
export {
  type Approval,
  type Call,
  type CheckRecord,
  answerOn,
  answerTo,
  askedCalls,
  decisionOn,
  initialState,
  inputItems,
  isOver,
  isWaiting,
  type Output,
  type State,
  lastVerdictOn,
  type Status,
} from './state.ts';
export {
  type AgentPlan,
  type Doubt,
  handoffResult,
  type Plan,
  resultText,
  step,
  type ToolUse,
  type UncertainPolicy,
} from './step.ts';
export { isHandled, UNKNOWN } from './stopping.ts';
