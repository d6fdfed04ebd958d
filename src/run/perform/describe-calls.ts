/**
 * What the calls of a reply are, found once, in the tools and handoffs that were offered: dispatch never asks again.
 */
import { agentToolSpec, type AnyAgent, type Handoff } from '../../agent/index.ts';
import { type CallPlan, collect, type EventOf, textOf } from '../../kernel/index.ts';
import type { FunctionCallItem, ModelItem } from '../../protocol/items.ts';
import { approvalOf, effectOf, type FunctionTool, namespaceOf, prepareArguments } from '../../tools/index.ts';
import { onceIn } from '../copies.ts';
import type { LiveRun } from '../live-run.ts';
import type { Offer } from './offer.ts';

type Answered = { agent: AnyAgent; offer: Offer; output: readonly ModelItem[] };
type Described = Pick<EventOf<'model.replied'>, 'calls' | 'parsed'>;

/** What each call is, and whether a structured answer has the right form. */
export function describeCalls(run: LiveRun, id: string, { agent, offer, output }: Answered): Described {
  run.record.live.calls.clear();
  let count = 0;
  const calls = collect(output, (item, at): CallPlan | undefined =>
    item.type === 'function_call' ? planCall(run, offer, { item, at, id: `${id}/c${count++}` }) : undefined,
  );
  if (calls.length > 0) return calls.every(isPlain) ? {} : { calls };
  const text = agent.outputType === 'text' ? undefined : textOf(output);
  return text === undefined ? {} : { parsed: parse(run, agent, { text, id }) };
}

/**
 * A call that only a program beside the model could carry out: no tool of this package does, and no vendor takes it back
 * without its result. What the vendor's own servers carried out has its result in the same reply.
 */
export function strandedCall(output: readonly ModelItem[]): string | undefined {
  for (const item of output) {
    if (item.type !== 'computer_call' && item.type !== 'shell_call' && item.type !== 'apply_patch_call') continue;
    const { type, callId } = item;
    const isAnswered = output.some((each) => each.type !== type && 'callId' in each && each.callId === callId);
    if (!isAnswered) return type;
  }
  return undefined;
}

const isPlain = (plan: CallPlan): boolean => plan.kind === 'function' && !plan.approval && !plan.malformed;

type Found = { item: FunctionCallItem; at: number; id: string };

function planCall(run: LiveRun, { tools, handoffs }: Offer, { item, at, id }: Found): CallPlan {
  const { calls: bound } = run.record.live;
  const handoff = handoffs.length === 0 ? undefined : handoffs.find(({ toolName }) => toolName === item.name);
  if (handoff) {
    bound.set(id, { handoff });
    return {
      at,
      kind: 'handoff',
      to: run.record.graph.keyOf(handoff.agent),
      ...(runsUserCode(run, handoff) && { dynamic: true as const }),
    };
  }
  const tool = tools.findLast((each): each is FunctionTool => each.type === 'function' && isCalled(each, item));
  if (!tool) return { at, kind: 'unknown' };
  const prepared = prepareArguments(tool, item.arguments);
  bound.set(id, { tool, prepared });
  const approval = approvalFor(run, tool);
  const malformed = !prepared.ok && prepared.kind === 'malformed';
  return {
    at,
    kind: agentToolSpec(tool) ? 'agent' : 'function',
    ...(approval !== 'never' && { approval }),
    ...(malformed && { malformed: true as const }),
  };
}

/** Looked at when the call is made: the members of a handoff may be set after it was. */
const runsUserCode = (run: LiveRun, { plain, inputFilter, inputGuardrails, outputGuardrails }: Handoff): boolean =>
  !plain ||
  inputGuardrails.length + outputGuardrails.length > 0 ||
  (inputFilter ?? run.settings.handoffInputFilter) !== undefined;

const isCalled = (tool: FunctionTool, { name, namespace }: FunctionCallItem): boolean =>
  tool.name === name && (namespace === undefined || namespaceOf(tool)?.name === namespace);

function approvalFor(run: LiveRun, tool: FunctionTool): 'never' | 'always' | 'dynamic' {
  const approval = approvalOf(tool);
  // What a copy of a run would do to the world is asked first.
  if (onceIn(run) === 'ask' && !agentToolSpec(tool) && effectOf(tool) === 'once') return 'always';
  const checkedFirst = run.settings.toolExecution?.preApprovalInputGuardrails && tool.inputGuardrails?.length;
  return approval === 'always' && checkedFirst ? 'dynamic' : approval;
}

function parse(
  run: LiveRun,
  agent: AnyAgent,
  { text, id }: { text: string; id: string },
): NonNullable<Described['parsed']> {
  try {
    run.record.live.values.set(`${id}/output`, agent.processFinalOutput(text));
    return { ok: true };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
