export { DEFAULT_TURN_TIMEOUT_MS } from './take.ts';
export { isStoreSharingSession, isTurnAwareSession } from './types.ts';
export type {
  HeldSessionTurn,
  SessionTurnChange,
  SessionTurnHolder,
  SessionTurnRequest,
  StoreSharingSession,
  TurnAwareSession,
} from './types.ts';
