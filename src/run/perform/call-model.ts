/**
 * Calls the model: asks user code what is to be sent, sends it, and says what came back.
 *
 * User code that decides what is sent (instructions, prompt, `isEnabled`, filters) runs here, once a call; what it
 * decided is in the answer, so that dispatch never asks again.
 */
import { type AnyAgent, RunRawModelStreamEvent } from '../../agent/index.ts';
import type { Effect, EventOf, Prepared, Reply, RunEvent, State } from '../../kernel/index.ts';
import { BudgetExceededError, callModel as ask, type RetryHooks, streamModel } from '../../model/index.ts';
import { ModelBehaviorError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { Model, ModelRequest, ModelResponse, ModelSettings, Origin, Prompt } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { askWithin, type BudgetedCall, hasBudget } from '../budget.ts';
import { errorInfo } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { tellSent } from '../observe.ts';
import { conversation, inputOf } from '../request.ts';
import { usageData } from '../usage.ts';
import { type CallAttempts, isWatched, watchAttempts } from './attempts.ts';
import { describeCalls, strandedCall } from './describe-calls.ts';
import { filterInput } from './filter-input.ts';
import { keptFor } from './kept-for.ts';
import { type Resolved, resolveModel, settingsFor } from './models.ts';
import { type Offer, offerOf, serialize, serializeHandoff } from './offer.ts';

type CallModel = Extract<Effect, { do: 'call_model' }>;

export function callModel(run: LiveRun, effect: CallModel, state: State): Promise<RunEvent> {
  const agent = run.agent(state.agent);
  const ready = prepare(run, agent, state);
  const waits = state.admission.asked > state.admission.passed;
  // Sub-agents that start together are all announced before the first of them asks its model.
  const isPlain = !waits && !run.surroundings.parent && !(ready instanceof Promise) && !hasBudget(run);
  if (!isPlain || ready.model.keepsRequests || isWatched(run, agent, ready.model))
    return callWatched(run, { effect, agent, ready, waits });
  return sent(run, { effect, agent, ready, attempts: undefined, budgeted: false });
}

type Waiting = { effect: CallModel; agent: AnyAgent; ready: Ready | Promise<Ready>; waits: boolean };

/** What some runs want before a call: their checks heard, user code asked, each attempt noticed. */
async function callWatched(run: LiveRun, { effect, agent, ready: preparing, waits }: Waiting): Promise<RunEvent> {
  const plain = await preparing;
  const ready = plain.model.keepsRequests
    ? { ...plain, request: { ...plain.request, keptFor: await keptFor(run) } }
    : plain;
  if (waits) await settleChecks(run);
  const budgeted = hasBudget(run);
  const watched = budgeted || isWatched(run, agent, ready.model);
  const attempts = watched ? await watchAttempts(run, { effect, agent, ...ready }) : undefined;
  return sent(run, { effect, agent, ready, attempts, budgeted });
}

type Call = {
  effect: CallModel;
  agent: AnyAgent;
  ready: Ready;
  attempts: CallAttempts | undefined;
  budgeted: boolean;
};

/** One frame from the call to its event: what an asynchronous function keeps of itself is paid for each call. */
async function sent(run: LiveRun, call: Call): Promise<RunEvent> {
  const { ready, attempts } = call;
  if (run.observer) tellSent(run.observer, call.effect.id, { ...ready, run, agent: call.agent });
  try {
    const asked: Asked = { request: attempts?.request ?? ready.request, hooks: attempts?.hooks };
    const answer: Answer =
      call.budgeted || run.observer?.inCall || run.settings.stream
        ? await send(run, call, asked)
        : { response: await ask(ready.model, asked.request, asked.hooks) };
    return replied(run, call, answer);
  } catch (error) {
    return failed(run, call, error);
  }
}

function failed(run: LiveRun, { effect: { id }, ready, attempts }: Call, error: unknown): EventOf<'model.failed'> {
  run.record.live.values.set(id, error);
  return {
    type: 'model.failed',
    id,
    error: errorInfo(error),
    ...(error instanceof BudgetExceededError && { cause: 'budget' as const }),
    ...(ready.prepared && { prepared: ready.prepared }),
    ...(run.observer && ready.model.origin && { origin: ready.model.origin }),
    ...attempts?.failed(),
  };
}

/** `by`: who answered, where a budget had another model asked. */
type Answer = { response: ModelResponse; firstTokenMs?: number; by?: Model };

/** Asks the model in the ways that cost more: read by a trace, within budgets, streamed. */
function send(run: LiveRun, { effect, agent, ready: { model }, budgeted }: Call, asked: Asked): Promise<Answer> {
  const call: BudgetedCall = { effect, agent: agent.name, model, request: asked.request };
  const sending = (): Promise<Answer> => (budgeted ? sendWithin(run, call, asked) : answerOf(run, model, asked));
  return run.observer?.inCall ? run.observer.inCall(effect.id, sending) : sending();
}

const answerOf = async (run: LiveRun, model: Model, asked: Asked): Promise<Answer> =>
  run.settings.stream ? readStream(run, model, asked) : { response: await ask(model, asked.request, asked.hooks) };

/** Asks the model, or who a budget puts in its place. */
function sendWithin(run: LiveRun, call: BudgetedCall, asked: Asked): Promise<Answer> {
  return askWithin<Answer>(run, call, async (model, request) => {
    const answer = await answerOf(run, model, { ...asked, request });
    return isOther(model, call.model) ? { ...answer, by: model } : answer;
  });
}

/** What came, where it is an answer. Models of one's own may leave out the usage, and forget to return. */
function answered(response: Partial<ModelResponse> | undefined): ModelResponse {
  const { output, usage } = response ?? {};
  if (response && output && usage) return response as ModelResponse;
  if (Array.isArray(output)) return { ...response, output, usage: new Usage() };
  throw new ModelBehaviorError(
    `The model answered ${response ? 'without a list "output"' : String(response)}. getResponse() returns { output, usage }; a stream ends with { type: "response_done", response: { id, output, usage } }.`,
  );
}

/** The event of a good answer. Apart from the call, so that nothing of it is held while the model works. */
function replied(run: LiveRun, call: Call, answer: Answer): RunEvent {
  const { id } = call.effect;
  const { agent, ready, attempts } = call;
  const { offer, prepared } = ready;
  const { firstTokenMs, by } = answer;
  const response = answered(answer.response);
  const model = by ?? ready.model;
  const stranded = strandedCall(response.output);
  if (stranded !== undefined) {
    const message = `Agent "${agent.name}" has no tool that could carry out the ${stranded} that the model made.`;
    const { usage } = response;
    const used = usageData(attempts ? attempts.total(usage) : usage);
    const told = attempts?.succeeded(response, firstTokenMs, by);
    return { ...failed(run, call, new ModelBehaviorError(message)), usage: used, ...told };
  }
  run.record.live.values.set(id, response);
  return {
    type: 'model.replied',
    id,
    reply: replyOf(response, attempts, { origin: model.origin, traced: run.observer !== undefined }),
    ...describeCalls(run, id, { agent, offer, output: response.output }),
    ...(prepared && { prepared }),
    ...attempts?.succeeded(response, firstTokenMs, by),
    ...(firstTokenMs !== undefined && { firstTokenMs }),
  };
}

type Ready = { request: ModelRequest; offer: Offer; model: Model; prepared: Prepared | undefined };

/** What is to be sent, and to whom. A promise only where user code or a provider is asked. */
function prepare(run: LiveRun, agent: AnyAgent, state: State): Ready | Promise<Ready> {
  const { instructions, prompt } = agent;
  const offer = offerOf(run, agent);
  if (offer instanceof Promise || typeof instructions === 'function' || typeof prompt === 'function') {
    return prepareAsking(run, { agent, state, offer });
  }
  const resolved = run.settings.callModelInputFilter ? undefined : resolveModel(run, agent);
  if (!resolved || resolved instanceof Promise) return prepareAsking(run, { agent, state, offer, resolved });
  const { model, explicit } = resolved;
  const parts = { agent, state, offer, prompt, explicit, input: inputOf(state), system: instructions };
  return { request: requestOf(run, parts), offer, model, prepared: undefined };
}

type Asking = {
  agent: AnyAgent;
  state: State;
  offer: Offer | Promise<Offer>;
  resolved?: Promise<Resolved> | undefined;
};

async function prepareAsking(run: LiveRun, { agent, state, offer: offering, resolved }: Asking): Promise<Ready> {
  const { settings, context } = run;
  const offer = await offering;
  const system =
    typeof agent.instructions === 'function' ? await agent.instructions(context, agent) : agent.instructions;
  const prompt = typeof agent.prompt === 'function' ? await agent.prompt(context, agent) : agent.prompt;
  const { model, explicit } = await (resolved ?? resolveModel(run, agent));
  const parts: Parts = { agent, state, offer, prompt, explicit, input: inputOf(state), system };
  const filtered = settings.callModelInputFilter
    ? await filterInput(run, { agent, input: parts.input, instructions: system, state })
    : undefined;
  return { request: requestOf(run, { ...parts, ...filtered }), offer, model, prepared: filtered?.prepared };
}

type Parts = {
  agent: AnyAgent;
  state: State;
  offer: Offer;
  prompt: Prompt | undefined;
  explicit: boolean;
  input: AgentInputItem[];
  system: string | undefined;
};

function requestOf(run: LiveRun, { agent, state, offer, prompt, explicit, input, system }: Parts): ModelRequest {
  return {
    systemInstructions: system,
    input,
    modelSettings: modelSettings(run, agent, state),
    tools: offer.tools.map(serialize),
    toolsExplicitlyProvided: agent.hasExplicitToolConfig(),
    outputType: agent.outputDefinition,
    handoffs: offer.handoffs.map(serializeHandoff),
    tracing: false,
    ...(prompt && { prompt }),
    ...(explicit && { overridePromptModel: true }),
    ...conversation(state),
    ...(needsSignal(run, state) && { signal: run.signal }),
  };
}

/** Checks that run beside the model and are quick may stop the run before anything is sent. */
async function settleChecks(run: LiveRun): Promise<void> {
  for (let n = 0; n < 20 && !run.isStopped; n++) await Promise.resolve();
  if (run.isStopped) throw new DOMException('The run was stopped before the model was called.', 'AbortError');
}

/** A forced tool choice ends with the agent's first use of a tool, or it could never answer. */
function modelSettings(run: LiveRun, agent: AnyAgent, state: State): ModelSettings {
  const settings = settingsFor(run, agent);
  const { toolChoice } = settings;
  if (!agent.resetToolChoice || !state.usedTools[state.agent] || toolChoice === undefined || toolChoice === 'none')
    return settings;
  const { toolChoice: _, ...rest } = settings;
  return rest;
}

/** Plain requests carry a signal only where something could fire it. */
function needsSignal(run: LiveRun, state: State): boolean {
  const { settings, surroundings } = run;
  if (run.sink !== undefined || settings.signal !== undefined || settings.timeoutMs !== undefined) return true;
  return surroundings.parent !== undefined || state.admission.asked > state.admission.passed;
}

type Asked = { request: ModelRequest; hooks: RetryHooks | undefined };

/** Whether a budget had another model asked. */
const isOther = (a: Model, b: Model): boolean =>
  a.ownsRetry !== b.ownsRetry || a.origin?.provider !== b.origin?.provider || a.origin?.model !== b.origin?.model;

async function readStream(run: LiveRun, model: Model, { request, hooks }: Asked): Promise<Answer> {
  const begun = performance.now();
  let firstTokenMs: number | undefined;
  for await (const event of streamModel(model, request, hooks)) {
    if (run.isStopped) throw new ModelBehaviorError('The run was stopped while the model answered.');
    if (event.type === 'response_done') {
      const { id, requestId, usage, output, providerData, rawUsage } = event.response;
      const response: ModelResponse = {
        usage: new Usage(usage),
        output,
        // A stream that comes from a cache has none.
        ...(id !== '' && { responseId: id }),
        ...(requestId !== undefined && { requestId }),
        ...(providerData && { providerData }),
        ...(rawUsage && { rawUsage }),
      };
      return { response, ...(firstTokenMs !== undefined && { firstTokenMs }) };
    }
    if (event.type === 'output_text_delta') firstTokenMs ??= Math.round(performance.now() - begun);
    run.sink?.(new RunRawModelStreamEvent(event, sourceOf(event.providerData)));
  }
  throw new ModelBehaviorError(
    "The stream of the model ended without its last event: { type: 'response_done', response }.",
  );
}

const sourceOf = (providerData: Record<string, unknown> | undefined): string | undefined =>
  typeof providerData?.rawModelEventSource === 'string' ? providerData.rawModelEventSource : undefined;

type AnsweredBy = { origin: Origin | undefined; traced: boolean };

/** What the log keeps of a response. Vendors echo whole requests in provider data: that stays with the live object. */
function replyOf(response: ModelResponse, attempts: CallAttempts | undefined, { origin, traced }: AnsweredBy): Reply {
  const { output, usage, responseId, requestId, rawUsage, providerData } = response;
  const provider = origin?.provider;
  // What an adapter read beside the answer, such as its cost, stands under the provider's name; the rest is an echo.
  const beside = provider === undefined ? undefined : providerData?.[provider];
  return {
    output,
    usage: usageData(attempts ? attempts.total(usage) : usage),
    ...(responseId !== undefined && { responseId }),
    ...(requestId !== undefined && { requestId }),
    ...(rawUsage && { rawUsage }),
    ...(provider !== undefined && typeof beside === 'object' && { providerData: { [provider]: beside } }),
    ...(traced && origin && { origin }),
  };
}
