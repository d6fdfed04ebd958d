/**
 * What one process counted since it began, as Prometheus takes it.
 *
 * P1: counters only grow, and begin at zero with the process: `baton_start_time_seconds` and the label `instance_id` of
 *     `baton_metrics_info` say so.
 * P2: labels are names of agents and words of a closed list. Names beyond the cap are `_other`.
 */
import { addTo, type Distribution, newDistribution, observe } from './buckets.ts';
import type { RunObservation } from './observation.ts';
import { noOperations, type Operation, OPERATIONS } from './operations.ts';
import { type Family, textOf } from './prometheus-text.ts';

const OTHER = '_other';
/** How many sessions are known by name; the one that was not seen for longest is forgotten first. */
const SESSIONS = 100_000;
const MAX_NAME = 128;

export type ProcessMetricsOptions = {
  readonly maxAgents: number;
  readonly slowMs: number;
  readonly instanceId: string;
  /** Since the epoch. */
  readonly startedAt: number;
};

/** What is so now, for gauges. */
export type Now = { readonly active: number; readonly activeSlow: number };

export class ProcessMetrics {
  readonly #options: ProcessMetricsOptions;
  readonly #agents = new Map<string, AgentCounts>();
  readonly #sums = new Map<Counter, number>(COUNTERS.map(([name]) => [name, 0]));
  readonly #operations = noOperations();
  readonly #wall = newDistribution();
  readonly #firstToken = newDistribution();
  readonly #model = newDistribution();
  readonly #turns = newDistribution();
  /** Whether a session tripped a guardrail. */
  readonly #sessions = new Map<string, boolean>();
  /** Questions of runs that paused here and were not taken up here. */
  readonly #asks = new Map<string, number>();

  constructor(options: ProcessMetricsOptions) {
    this.#options = options;
  }

  paused(runId: string, asks: number): void {
    this.#asks.set(runId, asks);
    forgetOldest(this.#asks);
  }

  began(runId: string): void {
    this.#asks.delete(runId);
  }

  operated(operation: Operation, amount: number): void {
    this.#operations[operation] += amount;
  }

  add(run: RunObservation): void {
    const agent = this.#agent(run.agent);
    agent[run.status] += 1;
    observe(agent.activeSeconds, run.activeMs / 1000);
    if (run.unpriced === 0) agent.priced += 1;
    if (run.unpriced === 0) agent.nanoUsd += run.nanoUsd;
    observe(this.#wall, run.wallMs / 1000);
    observe(this.#turns, run.turns);
    for (const ms of run.firstTokenMs) observe(this.#firstToken, ms / 1000);
    for (const ms of run.modelMs) observe(this.#model, ms / 1000);
    for (const [name, of] of COUNTERS) addTo(this.#sums, name, of(run, this.#options));
    this.#session(run);
  }

  text(now: Now): string {
    const { instanceId, startedAt } = this.#options;
    const asks = [...this.#asks.values()].reduce((sum, each) => sum + each, 0);
    return textOf([
      {
        type: 'gauge',
        name: 'baton_metrics_info',
        help: 'Which process this is.',
        samples: [{ labels: { instance_id: instanceId }, value: 1 }],
      },
      gauge('baton_start_time_seconds', 'When this process began to count.', startedAt / 1000),
      gauge('baton_runs_active', 'Runs that are active.', now.active),
      gauge('baton_runs_active_slow', 'Runs that are active for longer than the limit for slow runs.', now.activeSlow),
      gauge('baton_approvals_waiting', 'Questions to people of runs that paused here and did not go on here.', asks),
      ...this.#ofAgents(),
      ...COUNTERS.map(([name, , help]) => counter(name, help, this.#sums.get(name) ?? 0)),
      ...OPERATIONS.map(([operation, name, help]) => counter(`baton_${name}`, help, this.#operations[operation])),
      histogram('baton_run_wall_seconds', 'From beginning to end, waits included.', this.#wall),
      histogram('baton_run_turns', 'Accepted replies of a run.', this.#turns),
      histogram('baton_model_call_seconds', 'Model calls, with retries.', this.#model),
      histogram(
        'baton_time_to_first_token_seconds',
        'Streamed model calls: until the first content.',
        this.#firstToken,
      ),
    ]);
  }

  #ofAgents(): Family[] {
    const agents = [...this.#agents];
    const samples = (of: (counts: AgentCounts) => number) =>
      agents.map(([agent, counts]) => ({ labels: { agent }, value: of(counts) }));
    const runs = agents.flatMap(([agent, counts]) =>
      (['finished', 'failed', 'cancelled'] as const).map((status) => ({
        labels: { agent, status },
        value: counts[status],
      })),
    );
    const active = agents.map(([agent, { activeSeconds }]) => ({ labels: { agent }, value: activeSeconds }));
    return [
      { type: 'counter', name: 'baton_runs_total', help: 'Runs that ended.', samples: runs },
      {
        type: 'counter',
        name: 'baton_runs_priced_total',
        help: 'Runs of which each call has a price.',
        samples: samples(({ priced }) => priced),
      },
      {
        type: 'counter',
        name: 'baton_run_cost_usd_total',
        help: 'Cost of runs of which each call has a price.',
        samples: samples(({ nanoUsd }) => nanoUsd / 1e9),
      },
      {
        type: 'histogram',
        name: 'baton_run_active_seconds',
        help: 'Time to completion: without waits for people and downtime.',
        samples: active,
      },
    ];
  }

  #agent(name: string): AgentCounts {
    const label = name.slice(0, MAX_NAME);
    const known = this.#agents.get(label);
    if (known) return known;
    const key = this.#agents.size < this.#options.maxAgents || label === OTHER ? label : OTHER;
    let counts = this.#agents.get(key);
    if (!counts) this.#agents.set(key, (counts = newCounts()));
    return counts;
  }

  /** A session counts at its first run, and at its first trip. */
  #session(run: RunObservation): void {
    const tripped = this.#sessions.get(run.session);
    const trips = run.tripped > 0;
    if (tripped === undefined) addTo(this.#sums, 'baton_sessions_total', 1);
    if (trips && tripped !== true) addTo(this.#sums, 'baton_sessions_tripped_total', 1);
    this.#sessions.delete(run.session);
    this.#sessions.set(run.session, tripped === true || trips);
    forgetOldest(this.#sessions);
  }
}

function forgetOldest(known: Map<string, unknown>): void {
  if (known.size <= SESSIONS) return;
  for (const key of known.keys()) return void known.delete(key);
}

type AgentCounts = {
  finished: number;
  failed: number;
  cancelled: number;
  priced: number;
  nanoUsd: number;
  readonly activeSeconds: Distribution;
};

const newCounts = (): AgentCounts => ({
  finished: 0,
  failed: 0,
  cancelled: 0,
  priced: 0,
  nanoUsd: 0,
  activeSeconds: newDistribution(),
});

type Amount = (run: RunObservation, options: ProcessMetricsOptions) => number;
type Counter = (typeof COUNTERS)[number][0];

/** Counters without labels: name, what a run adds, help. */
const COUNTERS = [
  ['baton_turns_total', ({ turns }) => turns, 'Accepted model replies of runs.'],
  ['baton_sessions_total', () => 0, 'Sessions, each at its first run in this process.'],
  ['baton_sessions_tripped_total', () => 0, 'Sessions, each at its first guardrail that tripped in this process.'],
  ['baton_guardrails_tripped_total', ({ tripped }) => tripped, 'Guardrails that tripped.'],
  ['baton_guardrails_errored_total', ({ errored }) => errored, 'Guardrails that failed themselves.'],
  ['baton_guardrails_rejected_total', ({ rejected }) => rejected, 'Contents that guardrails of tools rejected.'],
  ['baton_handoffs_total', ({ handoffs }) => handoffs, 'Handoffs of runs that ended.'],
  ['baton_handoffs_good_total', ({ handoffsGood }) => handoffsGood, 'Handoffs that went well.'],
  [
    'baton_runs_slow_total',
    ({ activeMs }, { slowMs }) => (activeMs > slowMs ? 1 : 0),
    'Runs over the limit for slow runs.',
  ],
  ['baton_runs_near_max_turns_total', ({ nearMaxTurns }) => (nearMaxTurns ? 1 : 0), 'Runs at 80 % of maxTurns.'],
  ['baton_runs_unpriced_total', ({ unpriced }) => (unpriced > 0 ? 1 : 0), 'Runs with a call without a price.'],
  ['baton_input_tokens_total', ({ inputTokens }) => inputTokens, 'Input tokens, cached ones included.'],
  ['baton_output_tokens_total', ({ outputTokens }) => outputTokens, 'Output tokens.'],
  ['baton_cached_tokens_total', ({ cachedTokens }) => cachedTokens, 'Input tokens that came from a cache.'],
  ['baton_model_calls_total', ({ modelCalls }) => modelCalls, 'Model calls.'],
  ['baton_model_errors_total', ({ modelErrors }) => modelErrors, 'Model calls that failed for good.'],
  ['baton_model_retries_total', ({ retries }) => retries, 'Attempts of model calls beyond the first.'],
  ['baton_tool_calls_total', ({ toolCalls }) => toolCalls, 'Tool calls.'],
  ['baton_tool_errors_total', ({ toolErrors }) => toolErrors, 'Tool calls that failed or took too long.'],
  ['baton_approvals_asked_total', ({ approvals }) => approvals, 'Questions to people.'],
] as const satisfies readonly (readonly [string, Amount, string])[];

const gauge = (name: string, help: string, value: number): Family => ({
  type: 'gauge',
  name,
  help,
  samples: [{ labels: {}, value }],
});
const counter = (name: string, help: string, value: number): Family => ({
  type: 'counter',
  name,
  help,
  samples: [{ labels: {}, value }],
});
const histogram = (name: string, help: string, value: Distribution): Family => ({
  type: 'histogram',
  name,
  help,
  samples: [{ labels: {}, value }],
});
