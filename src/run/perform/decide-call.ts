/**
 * Asks user code whether a call needs a person's approval.
 */
import type { Effect, RunEvent, State, ToolCheck } from '../../kernel/index.ts';
import { approvalInput, runToolInputGuardrails } from '../../tools/index.ts';
import { bindTool, callOf } from '../calls.ts';
import { toolCallError } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { keepIn, withChecks } from './tool-checks.ts';

type DecideCall = Extract<Effect, { do: 'decide_call' }>;

export async function decideCall(run: LiveRun, effect: DecideCall, state: State): Promise<RunEvent> {
  const call = callOf(state, effect.i);
  const { tool, prepared } = await bindTool(run, state, call);
  const item = call.made;
  const checks: ToolCheck[] = [];
  const answer = (verdict: 'run' | 'ask' | 'refuse', message?: string): RunEvent => ({
    type: 'call.decided',
    id: effect.id,
    verdict,
    ...(message !== undefined && { message }),
    ...withChecks(checks),
  });
  try {
    const asked = approvalInput(prepared);
    const needs = asked.kind === 'person' || (await tool.needsApproval(run.context, asked.input, call.callId));
    if (!needs) return answer('run');
    if (!run.settings.toolExecution?.preApprovalInputGuardrails || !tool.inputGuardrails?.length) return answer('ask');
    const verdict = await runToolInputGuardrails({
      guardrails: tool.inputGuardrails,
      context: run.context,
      agent: run.agent(state.agent),
      toolCall: item,
      onResult: keepIn(checks),
    });
    return verdict.type === 'reject' ? answer('refuse', verdict.message) : answer('ask');
  } catch (thrown) {
    throw toolCallError(thrown);
  }
}
