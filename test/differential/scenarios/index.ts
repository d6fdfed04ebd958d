/** All scenarios. */
import type { Scenario } from '../kit.ts';
import { scenarios as approvals } from './approvals.ts';
import { scenarios as guardrails } from './guardrails.ts';
import { scenarios as handoffs } from './handoffs.ts';
import { scenarios as sessions } from './sessions.ts';
import { scenarios as toolRules } from './tool-rules.ts';
import { scenarios as tools } from './tools.ts';
import { scenarios as turns } from './turns.ts';

export const scenarios: readonly Scenario[] = [
  ...turns,
  ...tools,
  ...toolRules,
  ...handoffs,
  ...approvals,
  ...guardrails,
  ...sessions,
];
