/**
 * The decision: `step(state, plan) → events`. Pure: equal states and plans give equal decisions. Nothing to decide
 * is an empty list: the run waits for an answer, for a person, or is over.
 *
 * D1: an effect is asked once; only what is uncertain after a crash, or waits for decisions, is asked again.
 * D2: a run that must end is `stopping`: it asks for nothing new but what ends it in order (error handler, session).
 * D3: every accepted call has a result before a run ends.
 */
import type { FunctionCallItem, ModelItem } from '../protocol/items.ts';
import type { AgentKey, Effect, RunEvent, Stop } from './events.ts';
import { answerOn, answerTo, decisionOn, isWaiting } from './decisions.ts';
import { collect, toArray } from './list.ts';
import { saveIfNeeded } from './save.ts';
import { type Call, isNewHandoff, type State } from './state.ts';
import { stepStopping } from './stopping.ts';

export type ToolUse = 'run_llm_again' | 'stop_on_first_tool' | 'dynamic' | { readonly stopAt: readonly string[] };

export type AgentPlan = {
  readonly name: string;
  readonly inputChecks: readonly { readonly blocking: boolean }[];
  /** How many output checks there are. */
  readonly outputChecks: number;
  readonly toolUse: ToolUse;
  /** How often in a row a model may be told that its output has the wrong form. */
  readonly outputRetries: number;
};

/** What `step` knows of the agents and options: data only, no user code. */
export type Plan = {
  agent(key: AgentKey): AgentPlan;
  handles(cause: Stop['cause']): boolean;
  readonly unknownTool: 'raise' | 'tell';
  readonly toolConcurrency: number | null;
  readonly compacts: boolean;
  /** What becomes of an effect that was asked for and never answered. */
  onUncertain(effect: Effect, facts: Doubt): UncertainPolicy;
};

/** What is known of an effect that was lost with its process. */
export type Doubt = {
  readonly agent: AgentKey;
  /** The call that it carries out, where it carries out one. */
  readonly call: Call | undefined;
  /** Whether the log says that it began. Effects that need no such record never say so. */
  readonly began: boolean;
};

/** Perform it again; ask the tool whether it happened, then perform it if not; ask a person; or fail the run. */
export type UncertainPolicy = 'retry' | 'reconcile' | 'ask' | 'fail';

const NOTHING: readonly RunEvent[] = [];
const ask = (effect: Effect): RunEvent => ({ type: 'effect.requested', effect });
const stop = (cause: Stop['cause'], name: string, message: string): RunEvent => ({
  type: 'run.stopping',
  cause,
  error: { name, message },
});

export function step(s: State, plan: Plan): readonly RunEvent[] {
  switch (s.status) {
    case 'running':
      if (s.fault) return stepFault(s, s.fault, plan);
      return s.uncertain.length > 0 ? stepUncertain(s, plan) : stepRunning(s, plan);
    case 'stopping':
      return s.open.length > 0 ? NOTHING : stepStopping(s, plan);
    case 'new':
    case 'paused':
    case 'finished':
    case 'failed':
    case 'cancelled':
      return NOTHING;
  }
}

function stepRunning(s: State, plan: Plan): readonly RunEvent[] {
  switch (s.stage) {
    case 'load':
      return s.open.length > 0 ? NOTHING : [ask({ do: 'load_session', id: 'load' })];
    case 'admit':
      return stepAdmit(s, plan);
    case 'reply':
      // A reply is held until every check has let its input pass: no item is shown and no tool runs before.
      return s.admission.passed < s.admission.asked ? NOTHING : acceptReply(s, plan);
    case 'tools':
      return stepTools(s, plan);
    case 'pausing':
      return s.open.length > 0 ? NOTHING : [saveIfNeeded(s) ?? { type: 'run.paused' }];
    case 'handoff':
      return s.open.length > 0 ? NOTHING : stepHandoff(s, plan);
    case 'answer':
      return stepAnswer(s, plan);
    case 'end':
      return [{ type: 'run.finished' }];
    case 'model':
    case 'choose':
    case 'compact':
      return NOTHING;
  }
}

function stepFault(s: State, fault: Stop, plan: Plan): readonly RunEvent[] {
  const mayTryAgain = s.repairs < plan.agent(s.agent).outputRetries && (s.maxTurns === null || s.turn < s.maxTurns);
  if (fault.cause === 'invalidFinalOutput' && mayTryAgain) {
    return [{ type: 'output.rejected', k: s.k, message: repairMessage(fault.error.message) }];
  }
  const stopping: RunEvent = { type: 'run.stopping', ...fault };
  // All output checks have their say, also those that a crash cut off.
  if (s.stage === 'answer' && s.open.length > 0) return NOTHING;
  if (s.stage === 'answer' && s.uncertain.length > 0) return stepUncertain(s, plan);
  if (s.stage !== 'answer' || (fault.cause !== 'output_check' && fault.cause !== 'check_error')) return [stopping];
  const blocked = toArray(s.checks).findLast(({ id }) => id === fault.id)?.blocked;
  const text = blocked ?? 'Output withheld by an output guardrail.';
  // A check that broke gave no verdict: a text is held back, a tool's result stays.
  if (fault.cause === 'check_error' && s.output?.source === 'tool') return [stopping];
  const calls =
    s.output?.source !== 'tool' ? [] : s.output.call !== undefined ? [s.output.call] : s.calls.map(({ i }) => i);
  return [{ type: 'items.withheld', k: s.k, calls, text }, stopping];
}

const repairMessage = (problem: string): string =>
  `Your last answer was not accepted: ${problem} Answer again, with nothing but JSON in the required format.`;

function stepUncertain(s: State, plan: Plan): readonly RunEvent[] {
  const doubts = s.uncertain.map((effect) => ({ effect, policy: plan.onUncertain(effect, doubtOf(s, effect)) }));
  const lost = doubts.find(({ policy }) => policy === 'fail')?.effect;
  if (!lost) return doubts.map(settleDoubt);
  const message =
    `The process ended while "${lost.do}" (${s.runId}/${lost.id}) was under way, and repeating it could do it twice. ` +
    'Find out whether it happened, then start a new run.';
  return [{ type: 'run.stopping', cause: 'uncertain', id: lost.id, error: { name: 'SystemError', message } }];
}

const doubtOf = (s: State, effect: Effect): Doubt => ({
  agent: s.agent,
  call: effect.do === 'call_tool' ? s.calls[effect.i] : undefined,
  began: s.began.includes(effect.id),
});

function settleDoubt({ effect, policy }: { effect: Effect; policy: UncertainPolicy }): RunEvent {
  const attempt = (effect.attempt ?? 1) + 1;
  // Only a call of a tool can wait for a person, or be asked about.
  if (effect.do !== 'call_tool') return ask({ ...effect, attempt });
  if (policy === 'ask') return { type: 'effect.uncertain', id: effect.id };
  const { reconcile: _, ...again } = effect;
  return ask({ ...again, attempt, ...(policy === 'reconcile' && { reconcile: true as const }) });
}

// Before the model

function stepAdmit(s: State, plan: Plan): readonly RunEvent[] {
  if (s.open.length > 0 && s.admission.asked === 0) return NOTHING;
  const save = s.savePoint && s.open.length === 0 ? saveIfNeeded(s) : undefined;
  if (save) return [save];
  if (s.staged.length > 0) return [{ type: 'input.admitted' }];
  if (s.maxTurns !== null && s.turn >= s.maxTurns) {
    return [
      stop(
        'maxTurns',
        'MaxTurnsExceededError',
        `The run did not end within maxTurns (${s.maxTurns}). Resume its state with more.`,
      ),
    ];
  }
  const k = s.k + 1;
  const model = ask({ do: 'call_model', id: `m${k}`, k, ...(!s.agentStarted && { starts: true as const }) });
  if (s.admission.closed) return s.admission.passed < s.admission.asked ? NOTHING : [model];
  return stepChecks(s, plan, model);
}

/** Input checks that block go before the model, the others beside it. */
function stepChecks(s: State, plan: Plan, model: RunEvent): readonly RunEvent[] {
  const { n, asked, passed } = s.admission;
  const checks = plan.agent(s.agent).inputChecks;
  if (checks.length === 0) return [model];
  const check = (index: number): RunEvent => ask({ do: 'check', id: `in${n}/${index}`, point: 'input', n, index });
  const pick = (blocking: boolean): RunEvent[] =>
    checks.flatMap((each, index) => (each.blocking === blocking ? [check(index)] : []));

  const blocking = pick(true);
  if (asked === 0 && blocking.length > 0) return blocking;
  if (passed < asked) return NOTHING;
  return asked < checks.length ? [...pick(false), model] : [model];
}

// After the model

function acceptReply(s: State, plan: Plan): readonly RunEvent[] {
  const { calls, k } = s.reply;
  const ignored: number[] = [];
  // Where there is one call, as in most replies, there is nothing to compare.
  const ids = calls.length > 1 ? new Map<string, string>() : undefined;
  let problem: string | undefined;
  let handoffs = 0;
  calls.forEach(({ kind, made }, i) => {
    const { callId, name } = made;
    const before = ids?.get(callId);
    ids?.set(callId, contentOf(made));
    // Two calls under one id in one reply cannot be answered apart. In a later reply an id stands for a new call:
    // models number their calls as they like.
    if (before !== undefined && before !== contentOf(made)) {
      problem ??= `The model gave two different calls of one answer the id "${callId}".`;
    }
    if (before !== undefined) return ignored.push(i);
    if (kind === 'handoff' && ++handoffs > 1) return ignored.push(i);
    if (kind === 'unknown' && plan.unknownTool === 'raise') {
      problem ??= `The model called "${name}", which agent "${plan.agent(s.agent).name}" does not have.`;
    }
  });
  const accepted: RunEvent = { type: 'reply.accepted', k, ...(ignored.length > 0 && { ignored }) };
  return problem === undefined ? [accepted] : [accepted, stop('model_behavior', 'ModelBehaviorError', problem)];
}

const contentOf = (made: FunctionCallItem): string => `${made.name}\n${made.arguments}`;

function stepTools(s: State, plan: Plan): readonly RunEvent[] {
  const cap = plan.toolConcurrency ?? Infinity;
  let busy = s.calls.reduce(countBusy, 0);
  if (busy === s.calls.length) return NOTHING;
  const events = collect(s.calls, (call): RunEvent | undefined => {
    const effect = busy < cap ? nextFor(s, call) : undefined;
    if (!effect) return undefined;
    busy += 1;
    return ask(effect);
  });
  if (events.length > 0) return events;
  if (busy > 0 || s.open.length > 0) return NOTHING;
  if (s.calls.some((call) => isWaiting(s, call))) return [{ type: 'batch.closed', k: s.k, pausing: true }];
  const closed: RunEvent = { type: 'batch.closed', k: s.k };
  const more = s.calls.some(isNewHandoff) ? NOTHING : useOfTools(s, plan);
  return more.length === 0 ? [closed] : [closed, ...more];
}

const countBusy = (busy: number, { status }: Call): number =>
  status === 'deciding' || status === 'running' ? busy + 1 : busy;

/** What a call needs next from the world, if anything. */
function nextFor(s: State, call: Call): Effect | undefined {
  if (call.kind === 'handoff') return undefined;
  switch (call.status) {
    case 'ready':
      return callTool(s, call, false);
    case 'refused':
      return callTool(s, call, true);
    case 'new': {
      if (!call.approval) return callTool(s, call, false);
      const decision = decisionOn(s, call);
      if (decision) return callTool(s, call, !decision.approved);
      if (call.approval === 'always') return undefined;
      return { do: 'decide_call', id: `m${s.k}/c${call.i}/ask`, k: s.k, i: call.i };
    }
    case 'waiting': {
      const { asks } = call;
      if (asks) return asks.some((each) => answerTo(s, each)) ? callTool(s, call, false) : undefined;
      const decision = decisionOn(s, call);
      return decision && callTool(s, call, !decision.approved);
    }
    case 'unsure': {
      const verdict = answerOn(s, call);
      return verdict && callTool(s, call, !verdict.approved);
    }
    case 'deciding':
    case 'running':
    case 'done':
    case 'failed':
    case 'ignored':
      return undefined;
  }
}

const callTool = ({ k }: State, { i, attempt }: Call, refused: boolean): Effect => ({
  do: 'call_tool',
  id: `m${k}/c${i}`,
  k,
  i,
  ...(refused && { refused: true as const }),
  ...(attempt > 0 && { attempt: attempt + 1 }),
});

/** Whether the results of tools are the run's output. */
function useOfTools(s: State, plan: Plan): readonly RunEvent[] {
  const { toolUse } = plan.agent(s.agent);
  if (toolUse === 'run_llm_again') return NOTHING;
  const results = s.calls.filter(({ kind, status }) => (kind === 'function' || kind === 'agent') && status === 'done');
  if (results.length === 0 || results.some(({ outcome }) => outcome === 'aborted')) return NOTHING;
  if (toolUse === 'dynamic') return [ask({ do: 'choose_output', id: `m${s.k}/choose`, k: s.k })];
  const chosen =
    toolUse === 'stop_on_first_tool' ? results[0] : results.find(({ tool }) => toolUse.stopAt.includes(tool));
  if (!chosen?.item) return NOTHING;
  // Parts are made of what the tool returned, and that is the output: who performs knows it.
  if (hasParts(chosen.item)) return [ask({ do: 'choose_output', id: `m${s.k}/choose`, k: s.k, call: chosen.i })];
  return [{ type: 'output.chosen', k: s.k, final: resultText(chosen.item), call: chosen.i }];
}

const hasParts = (item: ModelItem): boolean => item.type === 'function_call_result' && Array.isArray(item.output);

/** The result of a tool as text. */
export function resultText(item: ModelItem): string {
  if (item.type !== 'function_call_result') return JSON.stringify(item);
  const { output } = item;
  if (typeof output === 'string') return output;
  return !Array.isArray(output) && output.type === 'text' ? output.text : JSON.stringify(output);
}

function stepHandoff(s: State, plan: Plan): readonly RunEvent[] {
  const handoffs = s.calls.filter(isNewHandoff);
  return handoffs.slice(0, 1).map((call): RunEvent => {
    const { i, to } = call;
    if (call.dynamic) return ask({ do: 'hand_off', id: `m${s.k}/c${i}`, k: s.k, i });
    const item = handoffResult(call, plan.agent(to).name);
    return { type: 'agent.changed', k: s.k, i, from: s.agent, to, item };
  });
}

/** What the model sees of a handoff. */
export const handoffResult = (call: Pick<Call, 'callId' | 'tool'>, agentName: string): ModelItem => ({
  type: 'function_call_result',
  name: call.tool,
  callId: call.callId,
  status: 'completed',
  output: { type: 'text', text: JSON.stringify({ assistant: agentName }) },
});

// The end

function stepAnswer(s: State, plan: Plan): readonly RunEvent[] {
  const { asked, passed } = s.outputChecking;
  const total = plan.agent(s.agent).outputChecks;
  if (asked < total) {
    return Array.from({ length: total - asked }, (_, n) => {
      const index = asked + n;
      return ask({ do: 'check', id: `m${s.k}/out${index}`, point: 'output', k: s.k, index });
    });
  }
  if (passed < asked || s.open.length > 0) return NOTHING;
  const save = saveIfNeeded(s);
  if (save) return [save];
  return [
    plan.compacts && s.hasSession ? ask({ do: 'compact_session', id: `compact${s.k}` }) : { type: 'run.finished' },
  ];
}
