export { toolNameFor } from './names.ts';
export { projectHistory } from './project-history.ts';
export type {
  HistoryCapabilities,
  HistoryTarget,
  HistoryWarning,
  HistoryWarningCode,
  HistoryWire,
  ProjectedHistory,
} from './target.ts';
