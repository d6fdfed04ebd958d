/**
 * Carries out one call of a tool: guardrails, hooks, the tool itself, its result as an item.
 */
import type { AnyAgent } from '../../agent/index.ts';
import {
  type Call,
  decisionOn,
  lastVerdictOn,
  type Effect,
  type EventOf,
  type RunEvent,
  type State,
  type ToolCheck,
  type ToolOutcome,
  UNKNOWN,
} from '../../kernel/index.ts';
import { ToolTimeoutError } from '../../protocol/errors.ts';
import type { FunctionCallItem, FunctionCallResultItem } from '../../protocol/items.ts';
import {
  effectOf,
  functionCallResult,
  type FunctionTool,
  invokePrepared,
  MALFORMED_ARGUMENTS_TEXT,
  runToolInputGuardrails,
  runToolOutputGuardrails,
  type ToolCallDetails,
  type ToolInputGuardrailResult,
  type ToolOutputGuardrailResult,
} from '../../tools/index.ts';
import { bindTool, type Bound, boundTool, callOf } from '../calls.ts';
import { onceIn } from '../copies.ts';
import { errorInfo, jsonOf, toolCallError } from '../errors.ts';
import type { LiveRun } from '../live-run.ts';
import { childRun } from './child-run.ts';
import { beginCall, keyOf } from './once.ts';
import { keepIn, withChecks } from './tool-checks.ts';

type CallTool = Extract<Effect, { do: 'call_tool' }>;
type Job = { run: LiveRun; effect: CallTool; state: State; call: Call; item: FunctionCallItem; agent: AnyAgent };

export function callTool(run: LiveRun, effect: CallTool, state: State): Promise<RunEvent> {
  const call = callOf(state, effect.i);
  const job: Job = { run, effect, state, call, item: call.made, agent: run.agent(state.agent) };
  if (effect.refused || call.kind === 'unknown' || call.malformed) return settled(job);
  return carriedOut(job, boundTool(run, state, call) ?? bindTool(run, state, call));
}

/** A call that may not run, or cannot. */
async function settled(job: Job): Promise<RunEvent> {
  const { run, effect, state, call } = job;
  if (effect.refused) return settledByPerson(job) ?? returned(job, await refusal(job), { outcome: 'rejected' });
  if (call.kind === 'unknown') return returned(job, await notFound(job), { outcome: 'error' });
  // A tool that is not there any more is the worse news.
  if (!boundTool(run, state, call)) await bindTool(run, state, call);
  return returned(job, MALFORMED_ARGUMENTS_TEXT, { outcome: 'error' });
}

/** One frame from the call to its event: what an asynchronous function keeps of itself is paid for each call. */
async function carriedOut(job: Job, binding: Bound | Promise<Bound>): Promise<RunEvent> {
  // All calls of a round have begun before the first of them does anything, such as abort the run.
  const bound = await binding;
  const { tool } = bound;
  const checks: ToolCheck[] = [];
  let outcome: ToolOutcome = 'ok';
  try {
    const early = isPlain(job, tool) ? announceStart(job, tool) : await beforeCall(job, bound, checks);
    if (early) return early;
    // In the same tick as the tool: whatever came before took its time, and the lease may have gone meanwhile.
    job.run.surroundings.durable?.check();
    let output = await invokePrepared({
      tool,
      runContext: job.run.context,
      input: job.item.arguments,
      prepared: bound.prepared,
      details: new Details(job),
      onError: (error) => void (outcome = error instanceof ToolTimeoutError ? 'timeout' : 'error'),
    });
    if (tool.outputGuardrails?.length) output = await checkedOutput(job, tool, { output, checks });
    const event = finished(job, bound, { output, outcome, checks });
    return event instanceof Promise ? await event : event;
  } catch (error) {
    return failed(job, error, checks);
  }
}

function failed({ run, effect: { id } }: Job, error: unknown, checks: ToolCheck[]): RunEvent {
  if (run.isStopped) throw error;
  const failure = wrap(error);
  run.record.live.values.set(id, failure);
  return { type: 'tool.failed', id, error: errorInfo(failure), ...withChecks(checks) };
}

/** Whether nothing has a say before the tool itself, as with most calls. */
const isPlain = ({ run, call }: Job, tool: FunctionTool): boolean =>
  !tool.inputGuardrails?.length && call.kind !== 'agent' && !run.surroundings.durable && onceIn(run) === undefined;

/** What comes before the tool itself: the event that ends the call without it, where there is one. */
async function beforeCall(job: Job, { tool, prepared }: Bound, checks: ToolCheck[]): Promise<RunEvent | undefined> {
  if (tool.inputGuardrails?.length) {
    const verdict = await runToolInputGuardrails({ ...guardOf(job, checks), guardrails: tool.inputGuardrails });
    if (verdict.type === 'reject') {
      announceStart(job, tool);
      return returned(job, verdict.message, { outcome: 'error', checks });
    }
  }
  announceStart(job, tool);
  if (job.call.kind === 'agent') return asked(job, { tool, prepared }, checks);
  if (onceIn(job.run) === 'stub' && effectOf(tool) === 'once') {
    return returned(job, STUBBED, { outcome: 'ok', checks });
  }
  if (job.run.surroundings.durable) {
    const beginning = await beginCall(job.run, job.effect, { tool, prepared });
    if (beginning.kind === 'unknown') return { type: 'effect.uncertain', id: job.effect.id };
    if (beginning.kind === 'happened') {
      return finished(job, { tool, prepared }, { output: beginning.output, outcome: 'ok', checks });
    }
  }
  return undefined;
}

/** What a model is told in a copy of a run, in place of a side effect. */
const STUBBED = 'Not carried out: this run is a copy of another one.';

/** Runs the sub-agent that stands behind the tool. */
async function asked(job: Job, { tool, prepared }: Bound, checks: ToolCheck[]): Promise<RunEvent> {
  const { run, effect, state, item } = job;
  const child = await childRun(run, { effect, state, item, tool, prepared });
  if (child.kind === 'waiting') return { type: 'tool.waiting', id: effect.id, asks: child.asks };
  const output = tool.outputGuardrails?.length
    ? await checkedOutput(job, tool, { output: child.output, checks })
    : child.output;
  const event = returned(job, output, { outcome: child.outcome, checks });
  const { usage, cost } = child;
  return event.type === 'tool.returned' && usage ? { ...event, usage, ...(cost && { cost }) } : event;
}

type Guard = {
  context: LiveRun['context'];
  agent: AnyAgent;
  toolCall: FunctionCallItem;
  onResult: (result: ToolInputGuardrailResult | ToolOutputGuardrailResult) => void;
};

const guardOf = ({ run, agent, item }: Job, checks: ToolCheck[]): Guard => ({
  context: run.context,
  agent,
  toolCall: item,
  onResult: keepIn(checks),
});

type Unchecked = { output: unknown; checks: ToolCheck[] };

const checkedOutput = (job: Job, tool: FunctionTool, { output, checks }: Unchecked): Promise<unknown> =>
  runToolOutputGuardrails({
    ...guardOf(job, checks),
    guardrails: tool.outputGuardrails ?? [],
    toolOutput: output,
  });

/** What a tool learns about its call. The signal is made when somebody looks at it: most tools do not. */
class Details implements ToolCallDetails {
  readonly toolCall: FunctionCallItem;
  readonly resumeState = undefined;
  readonly #job: Job;
  constructor(job: Job) {
    this.toolCall = job.item;
    this.#job = job;
  }

  get idempotencyKey(): string {
    return keyOf(this.#job.run, this.#job.effect.id);
  }

  get attempt(): number {
    return this.#job.effect.attempt ?? 1;
  }

  get fence(): number | undefined {
    return this.#job.run.surroundings.durable?.fence;
  }

  get signal(): AbortSignal {
    return this.#job.run.signal;
  }
}

function announceStart({ run, agent, item }: Job, tool: FunctionTool): undefined {
  run.runner.emit('agent_tool_start', run.context, agent, tool, { toolCall: item });
  agent.emit('agent_tool_start', run.context, tool, { toolCall: item });
}

type Outcome = { output: unknown; outcome: ToolOutcome; checks: ToolCheck[] };

function finished(job: Job, bound: Bound, { output, outcome, checks }: Outcome): RunEvent | Promise<RunEvent> {
  const { run, effect, item } = job;
  const { tool } = bound;
  const rawItem = functionCallResult(item, output, { text: tool.outputSchema !== undefined });
  if (typeof output !== 'string') run.record.live.values.set(effect.id, output);
  const event: EventOf<'tool.returned'> = {
    type: 'tool.returned',
    id: effect.id,
    ...told(rawItem, outcome),
    ...withChecks(checks),
  };
  return tool.customDataExtractor ? withCustomData(job, bound, { event, output, rawItem }) : event;
}

type Returned = { event: EventOf<'tool.returned'>; output: unknown; rawItem: FunctionCallResultItem };

async function withCustomData(
  { run, item }: Job,
  { tool, prepared }: Bound,
  { event, output, rawItem }: Returned,
): Promise<RunEvent> {
  const custom = await tool.customDataExtractor?.({
    runContext: run.context,
    tool,
    toolCall: item,
    input: prepared.ok ? structuredClone(prepared.value) : undefined,
    output,
    rawItem,
  });
  return custom ? { ...event, custom: jsonOf(custom) } : event;
}

/** A result as an event holds it: what follows from the call is left out. */
function told(
  { output }: FunctionCallResultItem,
  outcome: ToolOutcome,
): Pick<EventOf<'tool.returned'>, 'text' | 'output' | 'outcome'> {
  const isText = typeof output === 'object' && !Array.isArray(output) && output.type === 'text' && !output.providerData;
  return { ...(outcome !== 'ok' && { outcome }), ...(isText ? { text: output.text } : { output }) };
}

type Told = { outcome: ToolOutcome; checks?: ToolCheck[] };

function returned(job: Job, output: unknown, { outcome, checks = [] }: Told): RunEvent {
  const item = functionCallResult(job.item, output);
  return { type: 'tool.returned', id: job.effect.id, ...told(item, outcome), ...withChecks(checks) };
}

/** The end of a call whose attempt was cut off, as a person found it out or decided it. */
function settledByPerson(job: Job): RunEvent | undefined {
  const verdict = lastVerdictOn(job.state, job.call);
  if (!verdict) return undefined;
  if (verdict.result !== undefined) return returned(job, verdict.result, { outcome: 'ok' });
  return returned(job, verdict.message ?? UNKNOWN, { outcome: 'rejected' });
}

const NOT_APPROVED = 'Tool execution was not approved.';

/** What the model is told of a call that may not run: the person's words, else the formatter's, else a fixed text. */
async function refusal({ run, state, call }: Job): Promise<string> {
  const message = call.message ?? decisionOn(state, call)?.message;
  return message ?? format(run, call, { kind: 'approval_rejected', defaultMessage: NOT_APPROVED });
}

const notFound = ({ run, call }: Job): Promise<string> =>
  format(run, call, {
    kind: 'tool_not_found',
    defaultMessage: `There is no tool named "${call.tool}". Use one of the tools that are offered.`,
  });

type Message = { kind: 'approval_rejected' | 'tool_not_found'; defaultMessage: string };

async function format(run: LiveRun, call: Call, { kind, defaultMessage }: Message): Promise<string> {
  const text = await run.settings.toolErrorFormatter?.({
    kind,
    toolType: 'function',
    toolName: call.tool,
    callId: call.callId,
    defaultMessage,
    runContext: run.context,
  });
  return text ?? defaultMessage;
}

/** A tool's own failure is told as a failed call; a timeout already is an error of ours. */
function wrap(thrown: unknown): Error {
  return thrown instanceof ToolTimeoutError ? thrown : toolCallError(thrown);
}
