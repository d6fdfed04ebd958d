/** Makes agents of a system's data: anew for each process, as a program does that is started again. */
import {
  Agent,
  type AgentInputItem,
  type AnyAgent,
  type GuardrailFunctionOutput,
  type Handoff,
  handoff,
  type HandoffInputData,
  type IndividualRunOptions,
  type RunConfig,
  type RunState,
  type Session,
  tool,
  type ToolExecutionConfig,
} from '../../src/index.ts';
import { chance, hash, random } from './random.ts';
import { RuleModel, ticks } from './rules.ts';
import type { AgentSpec, Approval, CheckSpec, HandoffSpec, SubSpec, SystemSpec, ToolSpec } from './systems.ts';

/** What user code of one process can reach. */
export type Reach = {
  /** Writes into the ledger that survives processes: this was begun. */
  performed(key: string): void;
  /** Aborts the run. */
  abort(): void;
  /** In a durable life: whether something was begun, as a system outside of the run could tell. */
  happened?(key: string): boolean;
};

export type Built = {
  root: AnyAgent;
  config: RunConfig;
  options: IndividualRunOptions;
  input: string | AgentInputItem[];
};

export function build(
  spec: SystemSpec,
  reach: Reach,
  { session, signal }: { session: Session; signal: AbortSignal },
): Built {
  const agents = spec.agents.map((each) => agentFrom(spec, each, reach));
  spec.agents.forEach((each, i) => {
    agents[i]?.handoffs.push(...each.handoffs.flatMap((to) => handoffFrom(to, agents, reach)));
  });
  const [root] = agents;
  if (!root) throw new Error('A system has an agent.');
  const toolExecution: ToolExecutionConfig = { maxFunctionToolConcurrency: spec.cap };
  return {
    root,
    input:
      spec.session !== 'none' ? [{ type: 'message', role: 'user', content: `go ${spec.seed}` }] : `go ${spec.seed}`,
    config: {},
    options: {
      maxTurns: spec.maxTurns,
      signal,
      toolExecution,
      toolNotFoundBehavior: 'return_error_to_model',
      ...(spec.stream ? { stream: true } : { stream: false }),
      ...(spec.session !== 'none' && { session }),
      ...(spec.filtersInput && {
        callModelInputFilter: ({ modelData }) => ({ ...modelData, input: modelData.input.map(rewritten) }),
      }),
      errorHandlers: handlersOf(spec),
    },
  };
}

const rewritten = (item: AgentInputItem): AgentInputItem =>
  item.type === 'message' && item.role === 'user' && typeof item.content === 'string'
    ? { ...item, content: item.content.replace('go', 'please go') }
    : item;

function handlersOf({ handler }: SystemSpec): NonNullable<IndividualRunOptions['errorHandlers']> {
  const give = (includeInHistory: boolean) => (args: { runData: { lastAgent?: AnyAgent } }) => {
    const text = args.runData.lastAgent?.outputType === 'text';
    return { finalOutput: (text ? 'handled' : { answer: 'handled' }) as never, includeInHistory };
  };
  if (handler === 'none') return {};
  return handler === 'maxTurns' ? { maxTurns: give(true) } : { default: give(handler === 'all') };
}

function agentFrom(spec: SystemSpec, each: AgentSpec, reach: Reach): AnyAgent {
  const { name, toolUse, output } = each;
  return new Agent({
    name,
    instructions: each.dynamicInstructions ? async (_, agent) => `dynamic ${agent.name}` : `static ${name}`,
    model: new RuleModel({ seed: spec.seed, agent: name, unknownTools: spec.unknownTools, performed: reach.performed }),
    tools: [
      ...each.tools.map((one) => toolFrom(spec, one, reach)),
      ...each.subs.map((sub) => subFrom(spec, sub, reach)),
    ],
    inputGuardrails: each.inputChecks.map((check) => ({ ...checkFrom(check), runInParallel: !check.blocking })),
    outputGuardrails: each.outputChecks.map((check) => checkFrom(check)),
    ...(output === 'json' && { outputType: JSON_ANSWER }),
    toolUseBehavior:
      toolUse === 'named'
        ? { stopAtToolNames: [`${name}_t0`] }
        : toolUse === 'dynamic'
          ? async (_, results) =>
              results.length > 1
                ? { isFinalOutput: true, finalOutput: `chosen of ${results.length}` }
                : { isFinalOutput: false }
          : toolUse,
    handoffOutputTypeWarningEnabled: false,
  }) as unknown as AnyAgent;
}

const JSON_ANSWER = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      typeof value === 'object' && value !== null && 'answer' in value
        ? { value: { answer: String(value.answer) } }
        : { issues: [{ message: 'no answer' }] },
    jsonSchema: {
      input: () => ({
        type: 'object',
        properties: { answer: { type: 'string' } },
        required: ['answer'],
        additionalProperties: false,
      }),
      output: () => ({
        type: 'object',
        properties: { answer: { type: 'string' } },
        required: ['answer'],
        additionalProperties: false,
      }),
    },
  },
} as const;

const X = {
  type: 'object',
  properties: { x: { type: 'string' } },
  required: ['x'],
  additionalProperties: false,
} as const;

/** Whether a call needs approval where user code decides: by its arguments. */
const needs = (approval: Approval): boolean | ((context: unknown, input: unknown) => Promise<boolean>) =>
  approval === 'dynamic'
    ? async (_, input) => {
        await ticks(1);
        return hash(JSON.stringify(input)) % 2 === 0;
      }
    : approval === 'always';

function toolFrom(
  { seed }: SystemSpec,
  { name, latency, approval, does }: ToolSpec,
  reach: Reach,
): AnyAgent['tools'][number] {
  return tool({
    name,
    description: `does ${does}`,
    parameters: X,
    strict: true,
    needsApproval: needs(approval),
    ...(does === 'fatal' && { errorFunction: null }),
    ...(reach.happened && recovery(name, does, reach.happened)),
    ...(does === 'refused' && {
      inputGuardrails: [
        {
          name: 'refuses',
          run: async ({ toolCall }) => ({
            behavior:
              hash(toolCall.callId) % 3 === 0
                ? { type: 'rejectContent' as const, message: 'not that' }
                : { type: 'allow' as const },
          }),
        },
      ],
    }),
    async execute(input, _context, details) {
      const callId = details?.toolCall?.callId ?? '';
      reach.performed(`tool ${callId}`);
      if (reach.happened && isOnce(name, does)) reach.performed(`key ${details?.idempotencyKey}`);
      const bad = hash(`${seed} ${callId}`) % 2 === 0;
      if (does === 'abort' && bad) reach.abort();
      await ticks(latency);
      if ((does === 'error' || does === 'fatal') && bad) throw new Error(`${does} in ${callId}`);
      return does === 'object' ? { of: name, input } : textOf(name, input);
    },
  }) as AnyAgent['tools'][number];
}

/** What a tool says of its side effects: by its name, so that each life of a system has the same tools. */
function recovery(name: string, does: ToolSpec['does'], happened: (key: string) => boolean): object {
  const kind = hash(`effect ${name}`) % 4;
  if (!isOnce(name, does)) return kind === 3 ? { effect: 'read' } : { effect: 'idempotent' };
  if (kind > 0) return { effect: 'once' };
  return {
    effect: 'once',
    reconcile: async ({ input, idempotencyKey }: { input: unknown; idempotencyKey: string }) => {
      await ticks(1);
      if (!happened(`key ${idempotencyKey}`)) return { happened: false };
      return hash(idempotencyKey) % 3 === 0 ? undefined : { happened: true, output: textOf(name, input) };
    },
  };
}

/** Tools whose result a person can tell afterwards. */
export const isOnce = (name: string, does: ToolSpec['does']): boolean =>
  does === 'text' && hash(`once ${name}`) % 3 > 0;

const textOf = (name: string, input: unknown): string => `${name} of ${JSON.stringify(input)}`;

function subFrom(
  spec: SystemSpec,
  { name, approval, agent, extracts }: SubSpec,
  reach: Reach,
): AnyAgent['tools'][number] {
  const sub = agentFrom(spec, agent, reach);
  return sub.asTool({
    toolName: name,
    toolDescription: 'asks a sub-agent',
    needsApproval: needs(approval) as never,
    runOptions: { maxTurns: 6 },
    ...(extracts && {
      customOutputExtractor: ({ agentToolInvocation }) => `extracted of ${agentToolInvocation.toolName}`,
    }),
  }) as AnyAgent['tools'][number];
}

function handoffFrom({ to, kind }: HandoffSpec, agents: readonly AnyAgent[], reach: Reach): (AnyAgent | Handoff)[] {
  const target = agents[to];
  if (!target) return [];
  if (kind === 'plain') return [target];
  if (kind === 'filter') return [handoff(target, { inputFilter: withoutTools }) as Handoff];
  if (kind === 'callback') return [handoff(target, { onHandoff: async () => ticks(1) }) as Handoff];
  const onHandoff = async (_: unknown, input: unknown): Promise<void> => {
    reach.performed(`handoff ${JSON.stringify(input)}`);
    await ticks(1);
  };
  return [handoff(target, { inputType: X as never, onHandoff }) as Handoff];
}

function withoutTools({ inputHistory, preHandoffItems, newItems, ...rest }: HandoffInputData): HandoffInputData {
  const kept = (type: string): boolean => type === 'message_output_item' || type === 'input_item';
  return {
    ...rest,
    inputHistory,
    preHandoffItems: preHandoffItems.filter(({ type }) => kept(type)),
    newItems: newItems.filter(({ type }) => kept(type)),
  };
}

function checkFrom({ name, latency, verdict }: CheckSpec): {
  name: string;
  execute: () => Promise<GuardrailFunctionOutput>;
} {
  return {
    name,
    async execute() {
      await ticks(latency);
      if (verdict === 'throw') throw new Error(`${name} broke`);
      return { tripwireTriggered: verdict === 'trip', outputInfo: { name } };
    },
  };
}

/** What people answer: the same for the same call. */
export function decide(spec: SystemSpec, state: RunState<unknown, AnyAgent>, happened?: Reach['happened']): void {
  const asked = state.getInterruptions();
  for (const item of asked.filter(({ uncertain }) => uncertain !== undefined)) {
    if (happened?.(`tool ${item.callId}`)) state.confirm(item, textOf(item.name, JSON.parse(item.arguments ?? '{}')));
    else state.approve(item);
  }
  const open = asked.filter(({ uncertain }) => uncertain === undefined);
  for (const item of open) {
    const r = random(hash(`${spec.seed} ${item.name} ${item.callId}`));
    if (chance(r, 0.65)) state.approve(item, { alwaysApprove: chance(r, 0.2) });
    else state.reject(item, { alwaysReject: chance(r, 0.15), ...(chance(r, 0.5) && { message: 'a person said no' }) });
  }
  if (spec.addsInput && open.length > 0 && state.pendingInput.length === 0 && state.currentTurn < 3)
    state.addInput('and one more thing');
}
