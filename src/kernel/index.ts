/** The kernel: events, their fold, the decision, the loop. Pure but for `drive`; imports nothing but the protocol. */
export { apply, fold } from './apply.ts';
export { callIndex } from './edit.ts';
export { drive, type World } from './drive.ts';
export type * from './events.ts';
export { at, type List, listOf, toArray } from './list.ts';
export { textOf } from './reply.ts';
export {
  type Approval,
  type Call,
  type CheckRecord,
  decisionOn,
  initialState,
  inputItems,
  isOver,
  isWaiting,
  type Output,
  type State,
  type Status,
} from './state.ts';
export { type AgentPlan, handoffResult, type Plan, resultText, step, type ToolUse } from './step.ts';
export { isHandled } from './stopping.ts';
