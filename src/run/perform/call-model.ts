/**
 * Calls the model: asks user code what is to be sent, sends it, and says what came back.
 *
 * User code that decides what is sent (instructions, prompt, `isEnabled`, filters) runs here, once a call; what it
 * decided is in the answer, so that dispatch never asks again.
 */
import { type AnyAgent, RunRawModelStreamEvent } from '../../agent/index.ts';
import type { Attempt, Effect, Prepared, Reply, RunEvent, State } from '../../kernel/index.ts';
import { callModel as ask, type ModelAttempt, type RetryHooks, streamModel } from '../../model/index.ts';
import { ModelBehaviorError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { Model, ModelRequest, ModelResponse, ModelSettings, Origin, Prompt } from '../../protocol/model.ts';
import { RequestUsage, Usage } from '../../protocol/usage.ts';
import { errorInfo } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { tellSent } from '../observe.ts';
import { conversation, inputOf } from '../request.ts';
import { usageData } from '../usage.ts';
import { describeCalls } from './describe-calls.ts';
import { filterInput } from './filter-input.ts';
import { resolveModel, settingsFor } from './models.ts';
import { type Offer, offerOf, serialize, serializeHandoff } from './offer.ts';

type CallModel = Extract<Effect, { do: 'call_model' }>;

export async function callModel(run: LiveRun, effect: CallModel, state: State): Promise<RunEvent> {
  const agent = run.agent(state.agent);
  const ready = await prepare(run, agent, state);
  if (state.admission.asked > state.admission.passed) await settleChecks(run);
  if (run.observer) tellSent(run.observer, effect.id, { ...ready, run, agent });
  const attempts: ModelAttempt[] = [];
  try {
    const hooks = run.settings.modelSettings?.retry || agent.modelSettings.retry ? watch(attempts) : undefined;
    const answer = run.settings.stream
      ? await readStream(run, ready.model, { request: ready.request, hooks })
      : { response: await ask(ready.model, ready.request, hooks) };
    return replied(run, effect.id, { ...ready, ...answer, agent, attempts });
  } catch (error) {
    run.record.live.values.set(effect.id, error);
    return {
      type: 'model.failed',
      id: effect.id,
      error: errorInfo(error),
      ...(ready.prepared && { prepared: ready.prepared }),
      ...(run.observer && ready.model.origin && { origin: ready.model.origin }),
      ...(attempts.length > 1 && { attempts: attempts.map(attemptOf) }),
    };
  }
}

type Answer = { response: ModelResponse; firstTokenMs?: number };
type Answered = Ready & Answer & { agent: AnyAgent; attempts: readonly ModelAttempt[] };

/** The event of a good answer. Apart from the call, so that nothing of it is held while the model works. */
function replied(run: LiveRun, id: string, answered: Answered): RunEvent {
  const { response, firstTokenMs, agent, model, offer, prepared, attempts } = answered;
  run.record.live.values.set(id, response);
  const failures = failuresIn(attempts);
  return {
    type: 'model.replied',
    id,
    reply: replyOf(response, failures, { origin: model.origin, traced: run.observer !== undefined }),
    ...describeCalls(run, id, { agent, offer, output: response.output }),
    ...(prepared && { prepared }),
    ...(failures > 0 && { attempts: attempts.map(attemptOf) }),
    ...(firstTokenMs !== undefined && { firstTokenMs }),
  };
}

type Ready = { request: ModelRequest; offer: Offer; model: Model; prepared: Prepared | undefined };

/** Asks user code what is to be sent, and to whom. */
async function prepare(run: LiveRun, agent: AnyAgent, state: State): Promise<Ready> {
  const { settings, context } = run;
  const offer = await offerOf(run, agent);
  const system =
    typeof agent.instructions === 'function' ? await agent.instructions(context, agent) : agent.instructions;
  const prompt = typeof agent.prompt === 'function' ? await agent.prompt(context, agent) : agent.prompt;
  const { model, explicit } = await resolveModel(run, agent);
  const parts: Parts = { agent, state, offer, prompt, explicit, input: inputOf(state), system, prepared: undefined };
  if (settings.callModelInputFilter) {
    Object.assign(parts, await filterInput(run, { agent, input: parts.input, instructions: system, state }));
  }
  return { request: requestOf(run, parts), offer, model, prepared: parts.prepared };
}

type Parts = {
  agent: AnyAgent;
  state: State;
  offer: Offer;
  prompt: Prompt | undefined;
  explicit: boolean;
  input: AgentInputItem[];
  system: string | undefined;
  prepared: Prepared | undefined;
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

const watch = (attempts: ModelAttempt[]): RetryHooks => ({ onAttempt: (attempt) => void attempts.push(attempt) });

type Asked = { request: ModelRequest; hooks: RetryHooks | undefined };

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
        responseId: id,
        ...(requestId !== undefined && { requestId }),
        ...(providerData && { providerData }),
        ...(rawUsage && { rawUsage }),
      };
      return { response, ...(firstTokenMs !== undefined && { firstTokenMs }) };
    }
    if (event.type === 'output_text_delta') firstTokenMs ??= Math.round(performance.now() - begun);
    run.sink?.(new RunRawModelStreamEvent(event, sourceOf(event.providerData)));
  }
  throw new ModelBehaviorError('Model did not produce a final response!');
}

const sourceOf = (providerData: Record<string, unknown> | undefined): string | undefined =>
  typeof providerData?.rawModelEventSource === 'string' ? providerData.rawModelEventSource : undefined;

/** What the log keeps of a response. Vendors echo whole requests in provider data: that stays with the live object. */
type AnsweredBy = { origin: Origin | undefined; traced: boolean };

function replyOf(response: ModelResponse, failures: number, { origin, traced }: AnsweredBy): Reply {
  const { output, usage, responseId, requestId, rawUsage, providerData } = response;
  const provider = origin?.provider;
  // What an adapter read beside the answer, such as its cost, stands under the provider's name; the rest is an echo.
  const beside = provider === undefined ? undefined : providerData?.[provider];
  return {
    output,
    usage: usageData(failures > 0 ? withFailures(usage, failures) : usage),
    ...(responseId !== undefined && { responseId }),
    ...(requestId !== undefined && { requestId }),
    ...(rawUsage && { rawUsage }),
    ...(provider !== undefined && typeof beside === 'object' && { providerData: { [provider]: beside } }),
    ...(traced && origin && { origin }),
  };
}

const failuresIn = (attempts: readonly ModelAttempt[]): number =>
  attempts.filter(({ error }) => error !== undefined).length;

/** Each attempt was a request, also one that used nothing. */
function withFailures(usage: Usage, failures: number): Usage {
  const { inputTokens, outputTokens, totalTokens } = usage;
  const entries = usage.requestUsageEntries ?? [new RequestUsage({ inputTokens, outputTokens, totalTokens })];
  const failed = Array.from({ length: failures }, () => new RequestUsage());
  const total = new Usage({ ...usageData(usage), requests: usage.requests + failures });
  total.requestUsageEntries = [...failed, ...entries];
  return total;
}

const attemptOf = ({ startedAt, error, delayMs }: ModelAttempt): Attempt => ({
  at: Math.round(startedAt),
  ...(error !== undefined && { error: errorInfo(error) }),
  ...(delayMs !== undefined && { delayMs }),
});
