/** What guardrails say of one call, as events keep it. */
import type { ToolCheck } from '../../kernel/index.ts';
import { jsonOf } from '../errors.ts';

type Verdict = { guardrail: { type: ToolCheck['point']; name: string }; output: unknown };

/** Keeps each verdict that it is told. */
export const keepIn =
  (checks: ToolCheck[]) =>
  ({ guardrail, output }: Verdict): void => {
    checks.push({ point: guardrail.type, name: guardrail.name, output: jsonOf(output) });
  };

/** The member of an event; absent where nobody was asked. */
export const withChecks = (checks: ToolCheck[]): { checks?: ToolCheck[] } => (checks.length > 0 ? { checks } : {});
