/**
 * Counts runs while they live.
 *
 * M1: a root run is told of once an end is committed, and never changed or delayed by who is told.
 * M2: a run that is begun within an effect of another one (a guardrail's model, a tool that runs an agent by hand) is
 *     a part of it, unless it outlives it: then it counts for itself.
 * M3: what a run did in an earlier process is read from its log; a log that ends with an end of the run tells of it
 *     no second time.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { askedCalls, apply, type Committed, initialState, type RunEvent, type State } from '../../kernel/index.ts';
import { warn } from '../../protocol/warn.ts';
import type { RunMeter, RunObserver, SentFacts, TracedRun } from '../run-tracer.ts';
import type { PriceOfCall } from './billing.ts';
import { countUsage } from './billing.ts';
import { isEnd, type RunObservation } from './observation.ts';
import { addPart, count, nestedCost, newTally, observationFrom, type Tally } from './tally.ts';

/** Gets to know of root runs. Must not throw. */
export type MeterSink = {
  /** `isFresh`: it is no run that rested before. */
  began(run: { readonly runId: string; readonly at: number; readonly isFresh: boolean }): void;
  paused(run: { readonly runId: string; readonly asks: number }): void;
  /** The run is active no more: it ended, pauses, or its process gave it up. */
  rested(runId: string): void;
  ended(observation: RunObservation): void;
};

export type MeterOptions = { readonly sink: MeterSink; readonly price?: PriceOfCall };

/** Counts runs, and tells the sink of each end of a root run. */
export function meterFor({ sink, price }: MeterOptions): RunMeter {
  const places = new AsyncLocalStorage<Metered>();
  return {
    observe(run, traced) {
      const parent = run.parent?.observer;
      const host = parent ? (parent instanceof Metered ? parent : undefined) : places.getStore();
      return new Metered(run, { traced, sink, price, places, host, isCall: parent !== undefined });
    },
  };
}

type Means = {
  readonly traced: RunObserver | undefined;
  readonly sink: MeterSink;
  readonly price: PriceOfCall | undefined;
  readonly places: AsyncLocalStorage<Metered>;
  /** The run that this one is a part of. */
  readonly host: Metered | undefined;
  /** It carries out a call of the host, and cannot outlive it. */
  readonly isCall: boolean;
};

class Metered implements RunObserver {
  readonly traced: RunObserver | undefined;
  readonly #means: Means;
  readonly #run: TracedRun;
  readonly #tally: Tally;
  readonly #session: Promise<string | undefined> | undefined;
  #seq: number;
  #isClosed = false;
  #failed = false;

  constructor(run: TracedRun, means: Means) {
    this.traced = means.traced;
    this.#means = means;
    this.#run = run;
    this.#tally = newTally(run.runId, means.price);
    this.#seq = (run.before?.at ?? 0) + run.earlier.length;
    this.#guard(() => catchUp(this.#tally, run));
    // A session whose store fails: the run will say so.
    if (!means.host) this.#session = run.session?.().catch(() => undefined);
  }

  get segment(): RunObserver['segment'] {
    return this.traced?.segment ?? { id: '' };
  }

  event(event: RunEvent, state: State): void {
    this.traced?.event(event, state);
    this.#guard(() => this.#count(event, state));
  }

  sent(effectId: string, facts: SentFacts): void {
    this.traced?.sent(effectId, facts);
  }

  around<T>(work: () => T): T {
    return this.traced ? this.traced.around(work) : work();
  }

  within<T>(effectId: string, work: () => T): T {
    const here = (): T => this.#means.places.run(this, work);
    return this.traced ? this.traced.within(effectId, here) : here();
  }

  inCall<T>(effectId: string, work: () => T): T {
    return this.traced?.inCall ? this.traced.inCall(effectId, work) : work();
  }

  close(): void {
    this.traced?.close();
    this.#isClosed = true;
    if (!this.#means.host) this.#guard(() => this.#means.sink.rested(this.#run.runId));
  }

  #count(event: Committed, state: State): void {
    const seq = this.#seq++;
    count(this.#tally, event, state);
    const { host, sink } = this.#means;
    if (isEnd(event)) return this.#ended(seq);
    if (host) return;
    const { runId } = this.#tally;
    if (event.type === 'run.started' || event.type === 'run.resumed' || event.type === 'run.recovered') {
      sink.began({ runId, at: this.#tally.now, isFresh: event.type === 'run.started' });
    }
    if (event.type === 'run.paused') {
      const asks = askedCalls(state).reduce((sum, call) => sum + (call.asks?.length ?? 1), 0);
      sink.paused({ runId, asks });
    }
  }

  #ended(seq: number): void {
    const { host, isCall, sink } = this.#means;
    const tally = this.#tally;
    if (host && (isCall || !host.#isClosed)) {
      const { runId } = host.#tally;
      const id = isCall && tally.runId.startsWith(`${runId}/`) ? tally.runId.slice(runId.length + 1) : tally.runId;
      return addPart(host.#tally, isCall ? id : `${id}#${seq}`, tally);
    }
    if (!this.#session) return sink.ended(observationFrom(tally, { seq }));
    const observation = observationFrom(tally, { seq });
    void this.#session.then((session) =>
      this.#guard(() => sink.ended(session === undefined ? observation : { ...observation, session })),
    );
  }

  /** A fault of counting never reaches the run, and is told once. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (!this.#failed) warn(`Run ${this.#run.runId} could not be counted, or not in full: ${text}`);
      this.#failed = true;
    }
  }
}

/** Reads what went before. What a snapshot stands for is known in sum: its times are not. */
function catchUp(tally: Tally, { earlier, base, before, settings }: TracedRun): void {
  let state = base ?? initialState();
  tally.isLog = true;
  if (base && before) {
    tally.runId = base.runId;
    tally.agent = base.agent;
    tally.conversationId = base.conversationId;
    tally.turns = base.responses.length;
    countUsage(tally.counts, before.usage);
    if (before.cost) nestedCost(tally, before.cost);
    else if (before.usage.totalTokens > 0) tally.counts.unpriced += 1;
  }
  for (const event of earlier) {
    state = apply(state, event);
    count(tally, event, state);
  }
  tally.isLog = false;
  tally.groupId ??= settings.groupId;
}
