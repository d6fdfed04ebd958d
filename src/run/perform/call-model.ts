/**
 * Calls the model: collects what the agent offers, asks, and says what came back and what its calls are.
 *
 * User code that decides what is sent (instructions, prompt, `isEnabled`, filters) runs here, once a call; what it
 * decided is in the answer, so that dispatch never asks again.
 */
import { agentToolSpec, type AnyAgent, type Handoff, type Tool } from '../../agent/index.ts';
import type { Attempt, CallPlan, Effect, Reply, RunEvent, State } from '../../kernel/index.ts';
import { textOf } from '../../kernel/index.ts';
import { callModel as ask, type ModelAttempt, type RetryHooks, streamModel } from '../../model/index.ts';
import { ModelBehaviorError, UserError } from '../../protocol/errors.ts';
import type { FunctionCallItem, ModelItem } from '../../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelSettings,
  SerializedHandoff,
  SerializedTool,
} from '../../protocol/model.ts';
import { RequestUsage, Usage } from '../../protocol/usage.ts';
import { warn } from '../../protocol/warn.ts';
import {
  approvalOf,
  type FunctionTool,
  namespaceOf,
  prepareArguments,
  serializeFunctionTool,
} from '../../tools/index.ts';
import { errorInfo } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { RunRawModelStreamEvent } from '../../agent/index.ts';
import { usageData } from '../usage.ts';
import { filterInput } from './filter-input.ts';
import { resolveModel, settingsFor } from './models.ts';
import { conversation, inputOf } from '../request.ts';

type CallModel = Extract<Effect, { do: 'call_model' }>;
type Offer = { tools: readonly Tool[]; handoffs: readonly Handoff[] };

const NONE: readonly never[] = [];

export async function callModel(run: LiveRun, effect: CallModel, state: State): Promise<RunEvent> {
  const agent = run.agent(state.agent);
  const { record, settings, context } = run;
  const offer = await offerOf(run, agent);
  const instructions =
    typeof agent.instructions === 'function' ? await agent.instructions(context, agent) : agent.instructions;
  const prompt = typeof agent.prompt === 'function' ? await agent.prompt(context, agent) : agent.prompt;
  const { model, explicit } = await resolveModel(run, agent);

  const own = inputOf(state);
  const { input, system, prepared } = settings.callModelInputFilter
    ? await filterInput(run, { agent, input: own, instructions, state })
    : { input: own, system: instructions, prepared: undefined };
  const request: ModelRequest = {
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

  await settleChecks(run, state);
  const attempts: ModelAttempt[] = [];
  try {
    const hooks = settings.modelSettings?.retry || agent.modelSettings.retry ? watch(attempts) : undefined;
    const streamed = settings.stream ? await readStream(run, model, { request, hooks }) : undefined;
    const response = streamed?.response ?? (await ask(model, request, hooks));
    const firstTokenMs = streamed?.firstTokenMs;
    record.live.values.set(effect.id, response);
    return {
      type: 'model.replied',
      id: effect.id,
      reply: replyOf(response, attempts.length),
      ...describeCalls(run, effect, { agent, offer, output: response.output }),
      ...(prepared && { prepared }),
      ...(attempts.length > 1 && { attempts: attempts.map(attemptOf) }),
      ...(firstTokenMs !== undefined && { firstTokenMs }),
    };
  } catch (error) {
    record.live.values.set(effect.id, error);
    return {
      type: 'model.failed',
      id: effect.id,
      error: errorInfo(error),
      ...(prepared && { prepared }),
      ...(attempts.length > 1 && {
        attempts: attempts.map(attemptOf),
        usage: usageData(new Usage({ requests: attempts.length })),
      }),
    };
  }
}

/** Checks that run beside the model and are quick may stop the run before anything is sent. */
async function settleChecks(run: LiveRun, { admission }: State): Promise<void> {
  if (admission.asked <= admission.passed) return;
  for (let n = 0; n < 20 && !run.isStopped; n++) await Promise.resolve();
  if (run.isStopped) throw new DOMException('The run was stopped before the model was called.', 'AbortError');
}

// What is offered

async function offerOf(run: LiveRun, agent: AnyAgent): Promise<Offer> {
  const tools: readonly Tool[] = await agent.getAllTools(run.context);
  const handoffs = agent.handoffs.length === 0 ? NONE : await agent.getEnabledHandoffs(run.context);
  if (handoffs.some((handoff) => handoff.agent === agent)) {
    throw new UserError(
      `Agent "${agent.name}" has a handoff to itself. Take it out of handoffs: an agent that goes on needs none.`,
    );
  }
  return handoffs.length === 0 ? { tools, handoffs } : withoutCollisions(run, tools, handoffs);
}

/** A tool and a handoff of one name cannot both be offered: the handoff wins. */
function withoutCollisions(run: LiveRun, tools: readonly Tool[], handoffs: readonly Handoff[]): Offer {
  const byName = new Map(handoffs.map((handoff) => [handoff.toolName, handoff]));
  const clashing = tools.filter((tool) => tool.type === 'function' && byName.has(tool.name));
  if (clashing.length === 0 && byName.size === handoffs.length) return { tools, handoffs };
  const names = clashing.length > 0 ? clashing.map(({ name }) => name) : [...byName.keys()];
  const problem =
    `More than one tool or handoff is named ${[...new Set(names)].map((name) => `"${name}"`).join(', ')}. ` +
    'Give each its own name (toolNameOverride for handoffs).';
  if (run.settings.toolNameCollisionPolicy === 'error') throw new UserError(problem);
  warn(`${problem} Until then only one of each name is offered to the model: a handoff before a tool.`);
  return { tools: tools.filter((tool) => !clashing.includes(tool)), handoffs: [...byName.values()] };
}

const serializedTools = new WeakMap<
  FunctionTool,
  { description: string; parameters: unknown; serialized: SerializedTool }
>();

/** Tools are declared once and sent often, so their wire form is kept for as long as they live. */
function serialize(tool: Tool): SerializedTool {
  if (tool.type !== 'function') return tool;
  const known = serializedTools.get(tool);
  const { description, parameters } = tool;
  if (known && known.description === description && known.parameters === parameters) return known.serialized;
  const serialized = serializeFunctionTool(tool);
  serializedTools.set(tool, { description, parameters, serialized });
  return serialized;
}

const serializeHandoff = (handoff: Handoff): SerializedHandoff => ({
  toolName: handoff.toolName,
  toolDescription: handoff.toolDescription,
  inputJsonSchema: handoff.inputJsonSchema,
  strictJsonSchema: handoff.strictJsonSchema,
});

// What is sent

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

// What comes back

const watch = (attempts: ModelAttempt[]): RetryHooks => ({ onAttempt: (attempt) => void attempts.push(attempt) });

type Asked = { request: ModelRequest; hooks: RetryHooks | undefined };

async function readStream(
  run: LiveRun,
  model: Model,
  { request, hooks }: Asked,
): Promise<{ response: ModelResponse; firstTokenMs?: number }> {
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
function replyOf(response: ModelResponse, attempts: number): Reply {
  const { output, usage, responseId, requestId, rawUsage } = response;
  return {
    output,
    usage: usageData(attempts > 1 ? withFailures(usage, attempts - 1) : usage),
    ...(responseId !== undefined && { responseId }),
    ...(requestId !== undefined && { requestId }),
    ...(rawUsage && { rawUsage }),
  };
}

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

type Answered = { agent: AnyAgent; offer: Offer; output: readonly ModelItem[] };
type Described = { calls?: CallPlan[]; parsed?: { ok: true } | { ok: false; message: string } };

/** What each call is, and whether a structured answer has the right form. */
function describeCalls(run: LiveRun, { id }: CallModel, { agent, offer, output }: Answered): Described {
  const calls: CallPlan[] = [];
  const bound = run.record.live.calls;
  bound.clear();
  output.forEach((item, at) => {
    if (item.type !== 'function_call') return;
    calls.push(planCall(run, offer, { item, at, id: `${id}/c${calls.length}` }));
  });
  if (calls.length > 0) return calls.every(isPlain) ? {} : { calls };
  const text = agent.outputType === 'text' ? undefined : textOf(output);
  return text === undefined ? {} : { parsed: parse(run, agent, { text, id }) };
}

const isPlain = (plan: CallPlan): boolean => plan.kind === 'function' && !plan.approval && !plan.malformed;

type Found = { item: FunctionCallItem; at: number; id: string };

function planCall(run: LiveRun, { tools, handoffs }: Offer, { item, at, id }: Found): CallPlan {
  const { calls: bound } = run.record.live;
  const handoff = handoffs.find(({ toolName }) => toolName === item.name);
  if (handoff) {
    bound.set(id, { handoff });
    const dynamic =
      !handoff.plain || handoff.inputFilter !== undefined || run.settings.handoffInputFilter !== undefined;
    return {
      at,
      kind: 'handoff',
      to: run.record.graph.keyOf(handoff.agent),
      ...(dynamic && { dynamic: true as const }),
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

const isCalled = (tool: FunctionTool, { name, namespace }: FunctionCallItem): boolean =>
  tool.name === name && (namespace === undefined || namespaceOf(tool)?.name === namespace);

function approvalFor(run: LiveRun, tool: FunctionTool): 'never' | 'always' | 'dynamic' {
  const approval = approvalOf(tool);
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
