/**
 * The fold: `apply(state, event) → state`. Pure and total; the only place where a state is built.
 *
 * A1: no event makes it throw, whatever the state; an answer to what is not open changes nothing.
 * A2: an answer that says that the run must end sets `fault`; `step` decides what follows.
 */
import type { AgentInputItem, ModelItem } from '../protocol/items.ts';
import { closedBatch, decided, handedOff, resultItem } from './batch.ts';
import { approvalOf } from './decisions.ts';
import { callIndex, close, fault, keep, isOpen, kept, marked, recordToolChecks, without } from './edit.ts';
import type { Effect, EventOf, ItemEntry, RunEvent, StopCause, ToolCheck } from './events.ts';
import { append, listOf, toArray } from './list.ts';
import { accepted, rejectedOutput, replied } from './reply.ts';
import { type Call, inputItems, type State } from './state.ts';

export const apply = (s: State, e: RunEvent): State => (isExpected(s, e) ? applied(s, e) : s);

/** Whether an event means something to this state: answers do where their effect is open. */
function isExpected(s: State, e: RunEvent): boolean {
  if (!('id' in e) || e.id === undefined || e.type === 'run.stopping' || e.type === 'effect.settled_late') return true;
  const { id } = e;
  if (isOpen(s.open, id)) return true;
  if (e.type === 'effect.uncertain') return s.uncertain.some((effect) => effect.id === id);
  // A stopping run gives results to calls that nobody answers any more.
  return s.status === 'stopping' && e.type === 'tool.returned' && id.startsWith(`m${s.k}/`);
}

// oxlint-disable-next-line eslint/max-lines-per-function -- one case an event: the table of what they mean
function applied(s: State, e: RunEvent): State {
  switch (e.type) {
    case 'run.started':
      return {
        ...s,
        runId: e.runId,
        segment: e.segment,
        status: 'running',
        stage: e.session ? 'load' : 'admit',
        agent: e.agent,
        maxTurns: e.maxTurns,
        hasSession: e.session ?? false,
        lacksHistory: e.session ?? false,
        conversationId: e.conversationId,
        previousResponseId: e.previousResponseId,
        omitsReasoningIds: e.omitsReasoningIds ?? false,
        ...startFrom(e.input, inputItems(e.input)),
      };
    case 'run.resumed':
      return resumed(s, e);
    case 'run.recovered':
      return { ...s, segment: e.segment, open: [], uncertain: [...s.uncertain, ...s.open] };
    case 'run.forked':
      // What was traced before is the other run's. Its approvals are no word on what a copy that asks does once more.
      return {
        ...s,
        runId: e.runId,
        segment: undefined,
        fork: forkOf(e),
        approvals: e.once === 'ask' ? [] : s.approvals,
      };
    case 'plan.recorded':
      return { ...s, plan: e.plan };
    case 'run.paused':
      return { ...s, status: 'paused' };
    case 'run.stopping':
      return {
        ...s,
        status: 'stopping',
        stop: { cause: e.cause, error: e.error, ...(e.id !== undefined && { id: e.id }) },
      };
    case 'run.finished':
      return { ...s, status: 'finished', stage: 'end', uncertain: [] };
    case 'run.failed':
      return { ...s, status: 'failed', stage: 'end', uncertain: [] };
    case 'run.cancelled':
      return { ...s, status: 'cancelled', stage: 'end', uncertain: [] };

    case 'effect.requested':
      return requested(s, e.effect);
    case 'effect.failed':
      return failed(s, e);
    case 'effect.began':
      return { ...s, began: [...s.began, e.id] };
    case 'effect.uncertain':
      return {
        ...s,
        open: without(s.open, e.id),
        uncertain: s.uncertain.filter(({ id }) => id !== e.id),
        calls: marked(s.calls, callIndex(e.id), { status: 'unsure' }),
      };
    case 'effect.settled_late':
      return s;

    case 'session.loaded':
      return { ...close(s, e.id), stage: 'admit', lacksHistory: false, ...startFrom(e.items, e.items, e.fresh) };
    case 'session.saved':
      return { ...close(s, e.id), savedTo: e.to, inputSaved: true, savePoint: false };
    case 'session.compacted':
      return { ...close(s, e.id), stage: 'end' };

    case 'input.staged':
      return { ...s, staged: [...s.staged, ...e.items] };
    case 'input.cleared':
      return { ...s, staged: [] };
    case 'input.admitted':
      return admitted(s);
    case 'check.returned':
      return checked(s, e);

    case 'model.replied':
      return replied(s, e);
    case 'model.failed':
      return {
        // A model that fails while it should repair its output leaves the fault of the output.
        ...fault(
          close(s, e.id),
          (e.cause ? undefined : s.rejected) ?? { cause: e.cause ?? 'model', error: e.error, id: e.id },
        ),
        ...(e.prepared?.input && !s.inputSaved && { fresh: e.prepared.input }),
      };
    case 'reply.accepted':
      return accepted(s, e);
    case 'output.rejected':
      return rejectedOutput(s, e);

    case 'call.decided':
      return answered(s, e, decided(e));
    case 'approval.decided':
      return { ...s, approvals: [...s.approvals, approvalOf(s, e)] };
    case 'tool.returned': {
      const { outcome = 'ok', custom } = e;
      const item = resultItem(s, e);
      const patch: Partial<Call> = { status: 'done', item, outcome, ...(custom !== undefined && { custom }) };
      return answered(s, e, patch);
    }
    case 'tool.failed':
      return fault(answered(s, e, { status: 'failed' }), { cause: 'tool', error: e.error, id: e.id });
    case 'tool.waiting':
      return answered(s, e, { status: 'waiting', asks: e.asks });
    case 'batch.closed':
      return closedBatch(s, e);

    case 'handoff.returned':
      return handedOff(close(s, e.id), e);
    case 'handoff.refused':
      return {
        ...answered(s, e, { status: 'done', item: e.item, outcome: 'rejected', kept: true }),
        ...kept(s, [{ kind: 'tool_output', item: e.item, agent: s.agent, id: e.id }]),
        stage: 'admit',
      };
    case 'agent.changed':
      return handedOff(s, { id: `m${e.k}/c${e.i}`, to: e.to, item: e.item });

    case 'output.chosen':
      return {
        ...(e.id === undefined ? s : close(s, e.id)),
        ...(e.final === undefined
          ? { stage: 'admit' as const }
          : {
              stage: 'answer' as const,
              outputChecking: { asked: 0, passed: 0 },
              output: { text: e.final, source: 'tool' as const, ...(e.call !== undefined && { call: e.call }) },
            }),
      };
    case 'error.handled':
      return handled(close(s, e.id), e);
    case 'items.withheld':
      return withheld(s, e);
  }
}

type CallAnswer = { id: string; checks?: ToolCheck[] };

/** The answer of an effect on a call: it is open no more, and what became of the call. */
const answered = (s: State, { id, checks }: CallAnswer, patch: Partial<Call>): State => ({
  ...s,
  open: without(s.open, id),
  calls: marked(s.calls, callIndex(id), patch),
  toolChecks: recordToolChecks(s, checks),
});

/** The state of a log. */
export const fold = (events: Iterable<RunEvent>, from: State): State => {
  let state = from;
  for (const event of events) state = apply(state, event);
  return state;
};

// Input

function startFrom(input: State['input'], items: readonly AgentInputItem[], fresh?: readonly number[]): Partial<State> {
  return { input, request: listOf([...items]), fresh: fresh ? items.filter((_, n) => fresh.includes(n)) : items };
}

function admitted(s: State): State {
  const { agent } = s;
  const admission = { n: s.admission.n + 1, asked: 0, passed: 0, closed: false, from: s.produced.length };
  return {
    ...s,
    ...kept(
      s,
      s.staged.map((item) => ({ kind: 'input', item, agent })),
    ),
    staged: [],
    admission,
  };
}

function resumed(s: State, e: EventOf<'run.resumed'>): State {
  const paused = s.status === 'paused';
  return {
    ...s,
    segment: e.segment,
    status: 'running',
    // A run that failed to read its history has said nothing yet.
    stage: paused ? 'tools' : s.lacksHistory && e.session ? 'load' : 'admit',
    maxTurns: e.maxTurns,
    hasSession: e.session ?? false,
    fault: undefined,
    stop: undefined,
    output: undefined,
    handlerAsked: false,
    saveFailed: false,
    savePoint: paused,
    // Checks that did not let the input pass are asked again.
    admission: s.admission.closed ? s.admission : { ...s.admission, n: s.admission.n + 1, asked: 0, passed: 0 },
  };
}

// Effects

function requested(s: State, effect: Effect): State {
  const open = s.open.length === 0 ? [effect] : [...s.open, effect];
  if (effect.attempt !== undefined) {
    const uncertain = s.uncertain.length === 0 ? s.uncertain : s.uncertain.filter((lost) => lost.id !== effect.id);
    if (effect.do !== 'call_tool') return { ...s, open, uncertain };
    const { i, id, attempt } = effect;
    const calls = marked(s.calls, i, { status: 'running', attempt });
    // The attempt before was settled by a person; of this one nothing is known to have begun.
    const began = s.calls[i]?.status === 'unsure' ? s.began.filter((each) => each !== id) : s.began;
    return { ...s, open, uncertain, calls, began };
  }
  switch (effect.do) {
    case 'check':
      return effect.point === 'input'
        ? { ...s, open, admission: { ...s.admission, asked: s.admission.asked + 1 } }
        : { ...s, open, outputChecking: { ...s.outputChecking, asked: s.outputChecking.asked + 1 } };
    case 'call_model':
      return { ...s, open, stage: 'model', agentStarted: true, k: effect.k, turn: s.turn + 1, calls: [] };
    case 'decide_call':
      return { ...s, open, calls: marked(s.calls, effect.i, { status: 'deciding' }) };
    case 'call_tool':
    case 'hand_off':
      return { ...s, open, calls: marked(s.calls, effect.i, { status: 'running', attempt: 1 }) };
    case 'choose_output':
      return { ...s, open, stage: 'choose' };
    case 'handle_error':
      return { ...s, open, handlerAsked: true };
    case 'compact_session':
      return { ...s, open, stage: 'compact' };
    case 'load_session':
    case 'save_session':
      return { ...s, open };
  }
}

const CAUSE_OF: Record<Effect['do'], StopCause> = {
  load_session: 'session',
  save_session: 'session',
  compact_session: 'session',
  check: 'check_error',
  call_model: 'model',
  decide_call: 'callback',
  call_tool: 'tool',
  hand_off: 'handoff',
  choose_output: 'callback',
  handle_error: 'callback',
};

function failed(s: State, e: EventOf<'effect.failed'>): State {
  return s.open
    .filter(({ id }) => id === e.id)
    .reduce((state, effect) => failedEffect(state, effect, e), close(s, e.id));
}

function failedEffect(s: State, effect: Effect, { id, error }: EventOf<'effect.failed'>): State {
  // An error handler that throws takes the place of the error that it should handle.
  const stop = effect.do === 'handle_error' && s.stop ? { cause: 'callback' as const, error, id } : s.stop;
  const saveFailed = s.saveFailed || effect.do === 'save_session' || effect.do === 'compact_session';
  return { ...fault(s, { cause: CAUSE_OF[effect.do], error, id }), stop, saveFailed };
}

function checked(s: State, e: EventOf<'check.returned'>): State {
  const effect = s.open.find(({ id }) => id === e.id);
  const next = close(s, e.id);
  if (effect?.do !== 'check') return next;
  const { name, verdict, info, id, blocked } = e;
  const { point, index } = effect;
  const record = {
    point,
    index,
    agent: s.agent,
    name,
    verdict,
    id,
    ...(info !== undefined && { info }),
    ...(blocked !== undefined && { blocked }),
  };
  const checks = append(s.checks, record);
  if (verdict === 'pass') {
    if (point === 'input') return { ...next, checks, admission: { ...s.admission, passed: s.admission.passed + 1 } };
    return { ...next, checks, outputChecking: { ...s.outputChecking, passed: s.outputChecking.passed + 1 } };
  }
  const cause: StopCause = verdict === 'errored' ? 'check_error' : point === 'input' ? 'input_check' : 'output_check';
  const error = e.error ?? { name: 'Error', message: `Guardrail ${name}: ${verdict}` };
  const stop = { cause, error, id };
  if (point === 'input') return fault({ ...next, checks }, stop);
  // All output checks run; the first of the list that objects is the one that counts.
  const first = s.fault?.id === undefined || indexOf(s.fault.id) > index;
  return { ...next, checks, fault: s.status === 'running' && first ? stop : s.fault };
}

const indexOf = (checkId: string): number => Number(checkId.slice(checkId.lastIndexOf('/out') + 4));

const forkOf = ({ of, at, once, branch }: EventOf<'run.forked'>): State['fork'] => ({
  of,
  at,
  once,
  ...(branch !== undefined && { branch }),
});

// Ends

function handled(s: State, e: EventOf<'error.handled'>): State {
  if (e.final === undefined) return s;
  const item: ModelItem = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: e.final }],
  };
  const at = { ...s, replyFrom: s.produced.length };
  const next = e.includeInHistory === false ? at : keep(at, { kind: 'message', item, agent: s.agent });
  return {
    ...next,
    status: 'running',
    stage: 'answer',
    stop: undefined,
    fault: undefined,
    output: { text: e.final, source: 'handler' },
    outputChecking: { asked: 0, passed: 0 },
  };
}

/** A blocked text leaves no trace in sessions; a blocked tool output is replaced wherever it shows. */
function withheld(s: State, e: EventOf<'items.withheld'>): State {
  if (e.calls.length === 0) return { ...s, unsavedFrom: s.replyFrom };
  const ids = new Set(e.calls.map((i) => `m${e.k}/c${i}`));
  const replace = (entry: ItemEntry): ItemEntry =>
    entry.kind === 'tool_output' && entry.id !== undefined && ids.has(entry.id)
      ? { ...entry, item: tombstone(entry.item, e.text) }
      : entry;
  const entries = listOf(toArray(s.entries).map(replace));
  const produced = s.produced === s.entries ? entries : listOf(toArray(s.produced).map(replace));
  const request = listOf([...inputItems(s.input), ...entries.backing.map(({ item }) => item)]);
  const calls = s.calls.map((call) =>
    call.item && e.calls.includes(call.i) ? { ...call, item: tombstone(call.item, e.text) } : call,
  );
  const output = s.output && { ...s.output, text: e.text, withheld: true as const };
  return { ...s, entries, produced, request, calls, output };
}

/** A result with its content taken out. */
const tombstone = (item: ModelItem, text: string): ModelItem => Object.assign({}, item, { output: text });
