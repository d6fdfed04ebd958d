/** The kernel: events, their fold, the decision, the loop. Pure but for `drive`; imports nothing but the protocol. */
export { apply, fold } from './apply.ts';
export { answerOn, answerTo, askedCalls, decisionOn, isSameJson, isWaiting, lastVerdictOn } from './decisions.ts';
export { callIndex } from './edit.ts';
export { drive, type World } from './drive.ts';
export type * from './events.ts';
export { at, collect, type List, listOf, toArray } from './list.ts';
export { textOf } from './reply.ts';
export {
  type Approval,
  type Call,
  type CheckRecord,
  initialState,
  inputItems,
  isOver,
  type Output,
  type State,
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
