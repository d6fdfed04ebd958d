/**
 * The loop: the only asynchronous code of the kernel.
 *
 * R1: there is one pending await, `world.next()`. Whatever wakes a run (answers, aborts, approvals, input) comes there.
 * R2: one answer, one decision, one commit: an answer and all that follows from it are committed together.
 * R3: an effect starts after its request was committed and announced, one at a time, in order.
 * R4: what a listener asks for is handled after the batch that it saw; a listener that throws ends the run.
 */
import { apply } from './apply.ts';
import type { Effect, RunEvent, Stop } from './events.ts';
import { isOver, type State } from './state.ts';
import { type Plan, step } from './step.ts';

/** Everything outside the kernel, as one run sees it. */
export type World = {
  /** Begins an effect. Its answer comes through `next`. Must not throw. */
  start(effect: Effect, state: State): void;
  /** The next answer, or a wake-up when the inbox got something. */
  next(): Promise<RunEvent | undefined>;
  /** What arrived from outside since the last call: decisions, input, stops. */
  inbox(): readonly RunEvent[];
  /** Makes events durable; `state` follows from them. Awaited only where it returns a promise. */
  commit(events: readonly RunEvent[], state: State): void | Promise<void>;
  /** Shows one committed event, with the state that follows from it. */
  notify(event: RunEvent, state: State): void;
  /** An error that a listener threw, as a reason to stop. What is started after it must answer that it was aborted. */
  caught(error: unknown): Stop;
  /** Testing: forgets everything but the log and gives the state that follows from it. */
  forget?(): State;
};

/** Runs until nothing is left to decide and nothing is under way. */
export async function drive(initial: State, plan: Plan, world: World): Promise<State> {
  let state = initial;
  let answer: RunEvent | undefined;
  for (;;) {
    const landed = decide(state, plan, { answer, inbox: world.inbox() });
    const newest = landed.at(-1);
    if (newest) {
      state = newest.state;
      const committed = world.commit(landed.map(eventOf), state);
      if (committed) await committed;
      if (world.forget) state = world.forget();
      const stop = announce(landed, world);
      if (stop && state.status === 'running') state = await stopRun(state, { type: 'run.stopping', ...stop }, world);
    }
    if (state.open.length === 0 && (isOver(state.status) || state.status === 'paused')) return state;
    if (state.open.length > 0) {
      // Nothing of the round is kept while the run waits.
      landed.length = 0;
      answer = await world.next();
    } else if (!newest) throw new Error(`Run ${state.runId} has nothing to do in stage "${state.stage}".`);
  }
}

/** What landed, with the state that follows from it. */
type Landed = { event: RunEvent; state: State };
type Landing = { answer: RunEvent | undefined; inbox: readonly RunEvent[] };

const eventOf = ({ event }: Landed): RunEvent => event;

/** Lets what came land, then decides until there is nothing more to decide. */
function decide(from: State, plan: Plan, { answer, inbox }: Landing): Landed[] {
  const landed: Landed[] = [];
  const land = (before: State, event: RunEvent): State => {
    const state = apply(before, event);
    landed.push({ event, state });
    return state;
  };
  let state = answer ? land(from, answer) : from;
  if (inbox.length > 0) for (const event of inbox) if (isWelcome(state, event)) state = land(state, event);
  for (let decided = step(state, plan); decided.length > 0; decided = step(state, plan)) {
    state = decided.reduce(land, state);
  }
  return landed;
}

/** Shows each event, then starts the effect that it requests. What a listener throws ends the run. */
function announce(landed: readonly Landed[], world: World): Stop | undefined {
  let stop: Stop | undefined;
  landed.forEach(({ event, state }) => {
    try {
      world.notify(event, state);
    } catch (error) {
      stop ??= world.caught(error);
    }
    if (event.type === 'effect.requested') world.start(event.effect, state);
  });
  return stop;
}

async function stopRun(state: State, event: RunEvent, world: World): Promise<State> {
  const next = apply(state, event);
  const committed = world.commit([event], next);
  if (committed) await committed;
  announce([{ event, state: next }], world);
  return next;
}

/** Whether an event from outside still means something to a run in this state. */
function isWelcome(state: State, event: RunEvent): boolean {
  if (event.type === 'run.stopping') return state.status === 'running';
  // A failed run can be taken up again; a finished or cancelled one cannot.
  return state.status !== 'finished' && state.status !== 'cancelled';
}
