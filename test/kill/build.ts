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
  type RunToolApprovalItem,
  type Session,
  tool,
  type ToolExecutionConfig,
} from '../../src/index.ts';
import { chance, hash, type Random, random } from './random.ts';
import { acting, type Reach, type ToolKind } from './reach.ts';
import { RuleModel, ticks } from './rules.ts';
import type { AgentSpec, Approval, CheckSpec, HandoffSpec, SubSpec, SystemSpec, ToolSpec } from './systems.ts';

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
      errorHandlers: handlersOf(spec, reach),
    },
  };
}

const rewritten = (item: AgentInputItem): AgentInputItem =>
  item.type === 'message' && item.role === 'user' && typeof item.content === 'string'
    ? { ...item, content: item.content.replace('go', 'please go') }
    : item;

function handlersOf({ handler }: SystemSpec, reach: Reach): NonNullable<IndividualRunOptions['errorHandlers']> {
  const give = (includeInHistory: boolean) => (args: { runData: { lastAgent?: AnyAgent } }) => {
    reach.at?.('error handler', 'before act');
    const text = args.runData.lastAgent?.outputType === 'text';
    reach.at?.('error handler', 'after act');
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
    model: new RuleModel({ seed: spec.seed, agent: name, unknownTools: spec.unknownTools, reach }),
    tools: [
      ...each.tools.map((one) => toolFrom(spec, one, reach)),
      ...each.subs.map((sub) => subFrom(spec, sub, reach)),
    ],
    inputGuardrails: each.inputChecks.map((check) => ({ ...checkFrom(check, reach), runInParallel: !check.blocking })),
    outputGuardrails: each.outputChecks.map((check) => checkFrom(check, reach)),
    ...(output === 'json' && { outputType: JSON_ANSWER }),
    toolUseBehavior:
      toolUse === 'named'
        ? { stopAtToolNames: [`${name}_t0`] }
        : toolUse === 'dynamic'
          ? (_, results) => acting(reach, 'output choice', async () => chosen(results.length))
          : toolUse,
    handoffOutputTypeWarningEnabled: false,
  }) as unknown as AnyAgent;
}

const chosen = (results: number): { isFinalOutput: true; finalOutput: string } | { isFinalOutput: false } =>
  results > 1 ? { isFinalOutput: true, finalOutput: `chosen of ${results}` } : { isFinalOutput: false };

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
const needs = (approval: Approval, reach: Reach): boolean | ((context: unknown, input: unknown) => Promise<boolean>) =>
  approval === 'dynamic'
    ? (_, input) =>
        acting(reach, 'approval rule', async () => {
          await ticks(1);
          return hash(JSON.stringify(input)) % 2 === 0;
        })
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
    needsApproval: needs(approval, reach),
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
    execute: (input, _context, details) =>
      acting(reach, kindOf(name, does), async () => {
        const callId = details?.toolCall?.callId ?? '';
        reach.performed(`tool ${callId}`);
        reach.acts?.(details?.idempotencyKey ?? '', details?.attempt ?? 1);
        if (reach.happened && isOnce(name, does)) reach.performed(`key ${details?.idempotencyKey}`);
        const bad = hash(`${seed} ${callId}`) % 2 === 0;
        // Not at once: else it would depend on the process whether the calls beside this one have begun.
        await ticks(does === 'abort' ? latency + 1 : latency);
        if (does === 'abort' && bad) reach.abort();
        if ((does === 'error' || does === 'fatal') && bad) throw new Error(`${does} in ${callId}`);
        return does === 'object' ? { of: name, input } : textOf(name, input);
      }),
  }) as AnyAgent['tools'][number];
}

/** The options by which a tool says what it is. */
function recovery(name: string, does: ToolSpec['does'], happened: (key: string) => boolean): object {
  const kind = kindOf(name, does);
  if (kind === 'tool: read') return { effect: 'read' };
  if (kind === 'tool: idempotent') return { effect: 'idempotent' };
  if (kind === 'tool: once') return { effect: 'once' };
  return {
    effect: 'once',
    reconcile: async ({ input, idempotencyKey }: { input: unknown; idempotencyKey: string }) => {
      await ticks(1);
      if (!happened(`key ${idempotencyKey}`)) return { happened: false };
      return hash(idempotencyKey) % 3 === 0 ? undefined : { happened: true, output: textOf(name, input) };
    },
  };
}

/** By its name, so that each life of a system has the same tools. */
export function kindOf(name: string, does: ToolSpec['does']): ToolKind {
  const kind = hash(`effect ${name}`) % 4;
  if (isOnce(name, does)) return kind > 0 ? 'tool: once' : 'tool: once, reconciled';
  return kind === 3 ? 'tool: read' : 'tool: idempotent';
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
    needsApproval: needs(approval, reach) as never,
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
  if (kind === 'filter') return [handoff(target, { inputFilter: (data) => filtered(data, reach) }) as Handoff];
  const act = (work: () => Promise<void>): Promise<void> => acting(reach, 'handoff', work);
  if (kind === 'callback') return [handoff(target, { onHandoff: () => act(async () => ticks(1)) }) as Handoff];
  const onHandoff = (_: unknown, input: unknown): Promise<void> =>
    act(async () => {
      reach.performed(`handoff ${JSON.stringify(input)}`);
      await ticks(1);
    });
  return [handoff(target, { inputType: X as never, onHandoff }) as Handoff];
}

function filtered(data: HandoffInputData, reach: Reach): HandoffInputData {
  reach.at?.('handoff', 'before act');
  const kept = withoutTools(data);
  reach.at?.('handoff', 'after act');
  return kept;
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

function checkFrom(
  { name, latency, verdict }: CheckSpec,
  reach: Reach,
): { name: string; execute: () => Promise<GuardrailFunctionOutput> } {
  return {
    name,
    execute: () =>
      acting(reach, 'guardrail', async () => {
        await ticks(latency);
        if (verdict === 'throw') throw new Error(`${name} broke`);
        return { tripwireTriggered: verdict === 'trip', outputInfo: { name } };
      }),
  };
}

export type Answer =
  | { readonly say: 'yes'; readonly options: { alwaysApprove?: boolean } }
  | { readonly say: 'no'; readonly options: { alwaysReject?: boolean; message?: string } }
  | { readonly say: 'happened'; readonly result: string };

/** What people answer: the same for the same call. What a crash left in doubt comes first: they look whether it happened. */
export function answersOf(
  { seed }: SystemSpec,
  asked: readonly RunToolApprovalItem[],
  happened?: Reach['happened'],
): { item: RunToolApprovalItem; answer: Answer }[] {
  const inDoubt = asked.filter(({ uncertain }) => uncertain !== undefined);
  const open = asked.filter(({ uncertain }) => uncertain === undefined);
  return [
    ...inDoubt.map((item) => ({
      item,
      answer: happened?.(`tool ${item.callId}`)
        ? { say: 'happened' as const, result: textOf(item.name, JSON.parse(item.arguments ?? '{}')) }
        : { say: 'yes' as const, options: {} },
    })),
    ...open.map((item) => ({ item, answer: approvalBy(random(hash(`${seed} ${item.name} ${item.callId}`))) })),
  ];
}

const approvalBy = (r: Random): Answer =>
  chance(r, 0.65)
    ? { say: 'yes', options: { alwaysApprove: chance(r, 0.2) } }
    : {
        say: 'no',
        options: { alwaysReject: chance(r, 0.15), ...(chance(r, 0.5) && { message: 'a person said no' }) },
      };

/** People answer by the state in the hands of a process. */
export function decide(spec: SystemSpec, state: RunState<unknown, AnyAgent>, happened?: Reach['happened']): void {
  const asked = state.getInterruptions();
  for (const { item, answer } of answersOf(spec, asked, happened)) {
    if (answer.say === 'happened') state.confirm(item, answer.result);
    else if (answer.say === 'yes') state.approve(item, answer.options);
    else state.reject(item, answer.options);
  }
  const isAsked = asked.some(({ uncertain }) => uncertain === undefined);
  if (spec.addsInput && isAsked && state.pendingInput.length === 0 && state.currentTurn < 3)
    state.addInput('and one more thing');
}
