/** All scenarios. */
import type { Scenario } from '../kit.ts';
import { scenarios as agentTools } from './agent-tools.ts';
import { scenarios as approvals } from './approvals.ts';
import { scenarios as corners } from './corners.ts';
import { scenarios as endings } from './endings.ts';
import { scenarios as guardrails } from './guardrails.ts';
import { scenarios as handoffs } from './handoffs.ts';
import { scenarios as models } from './models.ts';
import { scenarios as others } from './others.ts';
import { scenarios as outputs } from './outputs.ts';
import { scenarios as resuming } from './resuming.ts';
import { scenarios as serverState } from './server-state.ts';
import { scenarios as sessions } from './sessions.ts';
import { scenarios as suspects } from './suspects.ts';
import { scenarios as toolRules } from './tool-rules.ts';
import { scenarios as tools } from './tools.ts';
import { scenarios as turns } from './turns.ts';
import { scenarios as values } from './values.ts';

export const scenarios: readonly Scenario[] = [
  ...turns,
  ...tools,
  ...toolRules,
  ...handoffs,
  ...agentTools,
  ...approvals,
  ...resuming,
  ...guardrails,
  ...sessions,
  ...endings,
  ...serverState,
  ...models,
  ...outputs,
  ...values,
  ...others,
  ...corners,
  ...suspects,
];
