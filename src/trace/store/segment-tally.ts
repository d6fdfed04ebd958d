/**
 * What a segment adds to its run, counted while its events come: what its spans would say, without making any.
 *
 * C1: for each log this is what `write.ts` counts of the spans that are derived of it; segment-tally.test.ts plays both.
 */
import {
  decisionOn,
  type Committed,
  type Effect,
  type ErrorInfo,
  type EventOf,
  type State,
} from '../../kernel/index.ts';
import type { Origin } from '../../protocol/model.ts';
import type { KeptSegment } from '../segment-log.ts';
import { costOf } from '../usage.ts';
import type { SegmentEnd, SegmentRecord } from './batch.ts';
import { type Called, UsageTallies } from './tally.ts';

/** What was counted since it was last taken. */
export type Counted = Pick<
  SegmentRecord,
  'agent' | 'lastAgent' | 'turns' | 'tools' | 'usage' | 'end' | 'at' | 'touchedAt'
> & {
  /** Spans that began. */
  readonly spans: number;
};

type Open = { readonly id: string; readonly kind: 'model' | 'tool' | 'other'; readonly origin?: Origin | undefined };

export class SegmentTally {
  readonly #kept: KeptSegment;
  readonly #isFlat: boolean;
  #now = 0;
  #at = 0;
  #agent: string | undefined;
  #turn: number | undefined;
  /** Effects that have a span, and model calls that were not sent yet. */
  #open: Open[] = [];
  #begun: string[] = [];
  #failure: ErrorInfo | undefined;

  #spans = 0;
  #first: string | undefined;
  #last: string | undefined;
  #turns = 0;
  #tools = 0;
  #usage = new UsageTallies();
  #end: SegmentEnd | undefined;
  #isOver = false;

  constructor(kept: KeptSegment) {
    this.#kept = kept;
    this.#isFlat = kept.segment.trace?.omitsTaskAndTurn === true;
  }

  heard(event: Committed, state: State): void {
    if (event.at !== undefined) this.#now = Math.max(this.#now, event.at);
    switch (event.type) {
      case 'run.started':
        this.#at = this.#now;
        if (!this.#isFlat) this.#spans += 1;
        return;
      case 'effect.requested':
        return this.#requested(event.effect, state);
      case 'model.replied':
        return this.#replied(event);
      case 'model.failed':
        return this.#answered(
          event.id,
          { isError: true, usage: event.usage, nanoUsd: costOf(event.attempts), attempts: event.attempts },
          event.origin,
        );
      case 'effect.failed':
      case 'tool.returned':
      case 'tool.failed':
        return this.#closed(this.#taken(event.id));
      case 'tool.waiting':
      case 'check.returned':
      case 'handoff.refused':
        return void this.#taken(event.id);
      case 'handoff.returned':
      case 'agent.changed':
        if (event.type === 'agent.changed' || !this.#taken(event.id)) this.#spans += 1;
        this.#turn = undefined;
        this.#agent = undefined;
        return;
      case 'input.admitted':
        this.#turn = undefined;
        return;
      case 'run.stopping':
        this.#failure = event.error;
        if (event.cause === 'maxTurns' || event.cause === 'session') this.#turn = undefined;
        return;
      case 'error.handled':
        if (event.final !== undefined) this.#failure = undefined;
        return;
      case 'run.paused':
        return this.#ends('paused');
      case 'run.finished':
        return this.#ends('finished');
      case 'run.failed':
        return this.#ends('failed');
      case 'run.cancelled':
        return this.#ends('cancelled');
      default:
    }
  }

  /** A model call was sent. */
  sent(id: string, origin: Origin | undefined): void {
    if (this.#hasBegun(id)) this.#opens({ id, kind: 'model', origin });
  }

  /** Nothing more comes. */
  over(): void {
    if (this.#isOver) return;
    for (const { kind, origin } of this.#open) if (kind === 'model') this.#calls({ isCut: true }, origin);
    this.#open = [];
    this.#ends('interrupted');
  }

  take(): Counted {
    const counted: Counted = {
      at: this.#at,
      touchedAt: this.#now,
      spans: this.#spans,
      agent: this.#first,
      lastAgent: this.#last,
      turns: this.#turns,
      tools: this.#tools,
      usage: this.#usage.all(),
      end: this.#end,
    };
    this.#spans = 0;
    this.#turns = 0;
    this.#tools = 0;
    this.#usage = new UsageTallies();
    this.#end = undefined;
    return counted;
  }

  /** What was taken did not arrive. */
  putBack({ spans, turns, tools, usage, end }: Counted): void {
    this.#spans += spans;
    this.#turns += turns;
    this.#tools += tools;
    for (const each of usage) this.#usage.add(each);
    this.#end ??= end;
  }

  #requested(effect: Effect, state: State): void {
    switch (effect.do) {
      case 'check':
        if (effect.point === 'input' && this.#turn === undefined) this.#opensTurn(state.turn + 1, state);
        return this.#opens({ id: effect.id, kind: 'other' });
      case 'call_model':
        this.#opensTurn(state.turn, state);
        this.#begun.push(effect.id);
        return;
      case 'call_tool': {
        this.#opensTurn(state.turn, state);
        const call = state.calls[effect.i];
        if (!call || call.kind === 'unknown' || (effect.refused && !decisionOn(state, call))) return;
        return this.#opens({ id: effect.id, kind: 'tool' });
      }
      case 'hand_off':
        this.#opensTurn(state.turn, state);
        return this.#opens({ id: effect.id, kind: 'other' });
      case 'load_session':
      case 'save_session':
      case 'compact_session':
      case 'decide_call':
      case 'choose_output':
      case 'handle_error':
        return;
    }
  }

  #opensTurn(number: number, { agent }: State): void {
    if (this.#agent === undefined) {
      this.#agent = this.#kept.nameOf(agent);
      this.#first ??= this.#agent;
      this.#last = this.#agent;
      this.#spans += 1;
    }
    if (this.#isFlat || this.#turn === number) return;
    this.#turn = number;
    this.#spans += 1;
  }

  #opens(open: Open): void {
    this.#open.push(open);
    this.#spans += 1;
  }

  #hasBegun(id: string): boolean {
    const at = this.#begun.indexOf(id);
    if (at >= 0) this.#begun.splice(at, 1);
    return at >= 0;
  }

  #taken(id: string): Open | undefined {
    const at = this.#open.findIndex((one) => one.id === id);
    return at < 0 ? undefined : this.#open.splice(at, 1)[0];
  }

  #closed(open: Open | undefined): void {
    if (open?.kind === 'tool') this.#tools += 1;
    if (open?.kind === 'model') this.#calls({}, open.origin);
  }

  #replied({ id, reply, attempts }: EventOf<'model.replied'>): void {
    const said = reply.origin ?? reply.output.find(({ origin }) => origin)?.origin;
    this.#answered(id, { usage: reply.usage, nanoUsd: costOf(attempts), attempts }, said);
  }

  #answered(id: string, call: Omit<Called, 'agent' | 'at' | 'origin'>, origin: Origin | undefined): void {
    // One that was never sent gets its span with its answer.
    if (this.#hasBegun(id)) this.#opens({ id, kind: 'model', origin });
    const open = this.#taken(id);
    if (open?.kind === 'model') this.#calls(call, call.isError ? open.origin : (origin ?? open.origin));
  }

  #calls(call: Omit<Called, 'agent' | 'at' | 'origin'>, origin: Origin | undefined): void {
    if (!call.isError && !call.isCut) this.#turns += 1;
    this.#usage.count({ ...call, agent: this.#agent ?? '', at: this.#now, origin });
  }

  #ends(status: SegmentEnd['status']): void {
    if (status !== 'paused' && status !== 'interrupted') for (const open of this.#open) this.#closed(open);
    this.#isOver = true;
    // Without a task it is the last agent that tells of the end.
    if (this.#isFlat && this.#agent === undefined) return;
    const failed = status === 'failed' || status === 'cancelled' ? this.#failure : undefined;
    const error = failed && { message: 'Error in agent run', data: { error: `${failed.name}: ${failed.message}` } };
    this.#end = { status, at: this.#now, ...(error && { error }) };
  }
}
