export { BranchedSession } from './branched-session.ts';
export type { BranchedSessionOptions } from './branched-session.ts';
export { isBranchAwareSession } from '../types.ts';
export type {
  BranchAwareSession,
  CreateBranchOptions,
  SessionBranch,
  SessionTurn,
  SessionUsageArgs,
} from '../types.ts';
