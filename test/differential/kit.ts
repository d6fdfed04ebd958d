/**
 * What a scenario works with: one SDK, and recorders for everything observable.
 *
 * K1 Three lanes: `log` (hooks, executions, requests, callbacks, in order), `events` of each streamed run, `runs`
 *    (what each run ended with). Lanes are not interleaved: a stream is read when its reader gets round to it.
 * K2 Values are copied when they are noted, never later.
 */
import type {
  Agent,
  AgentInputItem,
  AgentOutputType,
  Model,
  RunResult,
  RunState,
  Session,
  StreamedRunResult,
} from '@openai/agents';
import type * as PublishedSdk from '@openai/agents';
import type * as PublishedTesting from '@openai/agents/testing';
import { describeEvent, describeRequest, describeResult, describeState } from './describe.ts';
import { describeError, numberIds, plain, type Json } from './normalise.ts';

/** The namespaces that a scenario may use. Typed after the published package: the common API. */
export type Sdk = typeof PublishedSdk;
export type Testing = typeof PublishedTesting;

/** The context and output types of scenarios are open: both SDKs infer their own. */
export type AnyAgent = Agent<unknown, AgentOutputType>;
export type AnyResult = RunResult<unknown, AnyAgent> | StreamedRunResult<unknown, AnyAgent>;
export type AnyState = RunState<unknown, AnyAgent>;

export type Mode = 'plain' | 'stream';
export type RunnerConfig = NonNullable<ConstructorParameters<Sdk['Runner']>[0]>;
export type Steps = NonNullable<ConstructorParameters<Testing['ScriptedModel']>[0]>;

type Run = Sdk['Runner']['prototype']['run'];
export type RunOptions = {
  [Key in keyof NonNullable<Parameters<Run>[2]>]?: NonNullable<Parameters<Run>[2]>[Key];
};
/** How one run went. `result` is absent when a plain run rejected. */
export type Outcome = { result?: AnyResult; error?: unknown };

/** A scenario: a name and what it does with a kit. It runs once plain and once streamed unless it says otherwise. */
export type Scenario = {
  name: string;
  modes?: readonly Mode[];
  /** Compare what the SDK prints, too. */
  console?: boolean;
  play: (kit: Kit) => Promise<void> | void;
};

export type Trace = { log: Json; runs: Json; events: Json; console?: Json };

const AGENT_HOOKS = ['agent_start', 'agent_end', 'agent_handoff', 'agent_tool_start', 'agent_tool_end'] as const;

/** Anything with `on`: agents and runners. Arguments are only described, so their types do not matter. */
type Emitter = { on: (name: (typeof AGENT_HOOKS)[number], listener: (...args: unknown[]) => void) => unknown };

const hookArgument = (value: unknown): Json => {
  const shape = plain(value);
  if (typeof shape !== 'object' || shape === null || Array.isArray(shape)) return shape;
  return typeof shape['name'] === 'string' && 'invoke' in shape ? `Tool(${shape['name']})` : shape;
};

export class Kit {
  readonly sdk: Sdk;
  readonly testing: Testing;
  readonly mode: Mode;
  /** Whether runs are traced; spans.ts collects what they leave. */
  readonly traced: boolean;
  readonly #log: Json[] = [];
  readonly #runs: Json[] = [];
  readonly #events: Json[] = [];

  constructor(sdk: Sdk, testing: Testing, mode: Mode, traced = false) {
    this.sdk = sdk;
    this.testing = testing;
    this.mode = mode;
    this.traced = traced;
  }

  /** Adds a line to the log lane. */
  log(what: string, value?: unknown): void {
    this.#log.push(value === undefined ? what : [what, plain(value)]);
  }

  /** Runs `work` and notes what it returned or threw. */
  async attempt(what: string, work: () => unknown): Promise<void> {
    try {
      this.log(what, { value: await work() });
    } catch (error) {
      this.log(what, { error: describeError(error) });
    }
  }

  /** Notes the hooks of an agent or a runner. */
  watch<T>(emitter: T, who: string): T {
    // Both emitters take any listener at run time; their published types differ in the arguments only.
    const source = emitter as unknown as Emitter;
    for (const name of AGENT_HOOKS) {
      source.on(name, (...args) => this.#log.push([`${who}: ${name}`, args.map(hookArgument)]));
    }
    return emitter;
  }

  /** An agent whose hooks are noted. */
  agent(config: Record<string, unknown> & { name: string }): AnyAgent {
    const options = config as ConstructorParameters<typeof Agent<unknown, AgentOutputType>>[0];
    return this.watch(new this.sdk.Agent<unknown, AgentOutputType>(options), config.name);
  }

  /** A runner whose hooks are noted. */
  runner(config: Record<string, unknown> = {}): InstanceType<Sdk['Runner']> {
    return this.watch(new this.sdk.Runner({ tracingDisabled: !this.traced, ...config } as RunnerConfig), 'runner');
  }

  /** A scripted model; each request is noted when it arrives. */
  model(steps: Steps, name = 'model'): Model & { enqueue: InstanceType<Testing['ScriptedModel']>['enqueue'] } {
    const scripted = new this.testing.ScriptedModel(steps);
    const log = this.log.bind(this);
    return {
      enqueue: (...more) => scripted.enqueue(...more),
      getRetryAdvice: (args) => scripted.getRetryAdvice(args),
      getResponse(request) {
        log(name, describeRequest(request, false));
        return scripted.getResponse(request);
      },
      getStreamedResponse(request) {
        log(name, describeRequest(request, true));
        return scripted.getStreamedResponse(request);
      },
    };
  }

  /** A function tool without parameters that notes its execution and returns `output`. */
  tool(name: string, output: unknown = `${name} done`, more: Record<string, unknown> = {}) {
    const options = {
      name,
      description: `Does ${name}.`,
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
      strict: false,
      execute: (input: unknown) => {
        this.log(`execute ${name}`, input);
        return output;
      },
      ...more,
    };
    return this.sdk.tool(options as Parameters<Sdk['tool']>[0]);
  }

  /** A session over an array that notes each operation. */
  session(items: AgentInputItem[] = [], more: Partial<Session> = {}): Session & { items: AgentInputItem[] } {
    const log = this.log.bind(this);
    return {
      items,
      getSessionId: async () => 'session-1',
      getItems: async (limit?: number) => {
        log('session.getItems', limit ?? 'all');
        return structuredClone(limit === undefined ? items : items.slice(-limit));
      },
      addItems: async (added: AgentInputItem[]) => {
        log('session.addItems', added);
        items.push(...structuredClone(added));
      },
      popItem: async () => {
        log('session.popItem');
        return items.pop();
      },
      clearSession: async () => {
        log('session.clearSession');
        items.length = 0;
      },
      ...more,
    };
  }

  /** Runs in the mode of this kit, to the end, and notes how it went. Never throws. */
  async run(
    agent: AnyAgent,
    input: string | AgentInputItem[] | AnyState,
    options: RunOptions & { runner?: InstanceType<Sdk['Runner']>; context?: unknown } = {},
  ): Promise<Outcome> {
    const { runner = this.runner(), ...rest } = options;
    const label = `run ${this.#runs.length + 1}`;
    const slot = this.#runs.push(null) - 1;
    this.log(`${label} begins`);
    const outcome =
      this.mode === 'stream'
        ? await this.#stream(runner, agent, input, rest)
        : await this.#plain(runner, agent, input, rest);
    this.log(`${label} settles`);
    this.#runs[slot] = this.#describe(outcome);
    return outcome;
  }

  /** Like run, for scenarios that need the result. */
  async done(...args: Parameters<Kit['run']>): Promise<AnyResult> {
    const { result, error } = await this.run(...args);
    if (result === undefined) throw error;
    return result;
  }

  async #plain(
    runner: InstanceType<Sdk['Runner']>,
    agent: AnyAgent,
    input: string | AgentInputItem[] | AnyState,
    options: object,
  ): Promise<Outcome> {
    try {
      return { result: await runner.run(agent, input, options) };
    } catch (error) {
      return { error };
    }
  }

  async #stream(
    runner: InstanceType<Sdk['Runner']>,
    agent: AnyAgent,
    input: string | AgentInputItem[] | AnyState,
    options: object,
  ): Promise<Outcome> {
    const events: Json[] = [];
    this.#events.push(events);
    let result: StreamedRunResult<unknown, AnyAgent> | undefined;
    try {
      result = await runner.run(agent, input, { ...options, stream: true });
      for await (const event of result) events.push(describeEvent(event));
      await result.completed;
      return { result };
    } catch (error) {
      return result === undefined ? { error } : { result, error };
    }
  }

  #describe({ result, error }: Outcome): Json {
    const out: Record<string, Json> = {};
    if (result !== undefined) out['result'] = describeResult(result);
    if (error !== undefined) {
      out['error'] = describeError(error);
      const state: unknown = error instanceof Error && 'state' in error ? error.state : undefined;
      out['errorState'] = state instanceof this.sdk.RunState ? describeState(state as AnyState) : null;
    }
    return out;
  }

  /** The lanes so far, with ids numbered. */
  trace(): Trace {
    return numberIds({ log: this.#log, runs: this.#runs, events: this.#events }) as Trace;
  }
}
