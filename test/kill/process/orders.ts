/**
 * How the runs of a campaign are killed: which systems, and where each of their lives ends.
 *
 * Three ways, by turns. A sweep kills a system at its first point, its second, and so on to its last, and again at
 * random points of the lives that recover it. A walk kills at random points and at random times. A search kills where
 * few kills were made so far.
 */
import { chance, pick, type Random, upTo } from '../random.ts';
import { systemOf } from '../systems.ts';
import { baseOf, isRace } from './oracle.ts';
import { type Cell, type Order, SUBJECTS, type Subject } from './points.ts';
import { kindOf } from '../build.ts';

/** What comes in a life, given how many there were and what is short. */
export type Plan = {
  readonly seed: number;
  next(life: number, short: readonly Cell[]): Order;
  /** Told how the first life ended. */
  first?(isKilled: boolean): void;
};

const LIVE: Order = { do: 'live' };
const MOST_POINTS = 60;
/** How long the lives last that are killed at random times, in milliseconds. */
const MOST_MS = 120;

export class Orders {
  readonly #r: Random;
  readonly #systems: readonly number[];
  #sweep: { seed: number; at: number; isOver: boolean } | undefined;
  #n = 0;

  constructor(r: Random, systems: readonly number[]) {
    this.#r = r;
    this.#systems = systems;
  }

  async next(short: readonly Cell[], isLate: boolean): Promise<Plan> {
    this.#n += 1;
    if (this.#n % 15 === 0) return this.#stopped();
    if (short.length > 0 && (isLate || this.#n % 3 === 0)) return this.#search(short);
    return this.#n % 3 === 1 ? this.#swept() : this.#walk();
  }

  #swept(): Plan {
    if (!this.#sweep || this.#sweep.isOver) this.#sweep = { seed: pick(this.#r, this.#systems), at: 0, isOver: false };
    const sweep = this.#sweep;
    const at = ++sweep.at;
    const more = 1 + upTo(this.#r, 3);
    return {
      seed: sweep.seed,
      next: (life) => {
        if (life === 0) return { do: 'die', at };
        return life <= more ? { do: 'die', at: 1 + upTo(this.#r, MOST_POINTS / 3) } : LIVE;
      },
      first: (isKilled) => {
        // It lived: the points before this one were all that there are.
        if (!isKilled) sweep.isOver = true;
      },
    };
  }

  #walk(): Plan {
    const r = this.#r;
    const lives = 2 + upTo(r, 6);
    return {
      seed: pick(r, this.#systems),
      next: (life) => {
        if (life >= lives) return LIVE;
        if (chance(r, 0.6)) return { do: 'be killed', ms: r() ** 2 * MOST_MS };
        return { do: 'die', at: 1 + Math.floor(r() ** 2 * MOST_POINTS) };
      },
    };
  }

  /** A process that stands still at a commit, or as it takes over what one left that died, until its run is another's. */
  #stopped(): Plan {
    const r = this.#r;
    const seed = pick(r, this.#systems);
    const stop: Order = { do: 'stop', at: 2 + upTo(r, 12) };
    if (chance(r, 0.5)) return { seed, next: (life) => (life === 0 ? stop : LIVE) };
    const die: Order = { do: 'die', at: 2 + upTo(r, MOST_POINTS / 2) };
    // A run and those of its sub-agents are claimed first.
    const early: Order = { do: 'stop', at: 1 + upTo(r, 4) };
    return { seed, next: (life) => [die, early][life] ?? LIVE };
  }

  /** A system that has what is short, killed there as often as it can be. */
  async #search(short: readonly Cell[]): Promise<Plan> {
    const r = this.#r;
    const wanted = pick(r, short);
    const [when = '', subject = ''] = wanted.split('|');
    const fit = await this.#systemsWith(subject as Subject, when === 'decided');
    const seed = pick(r, fit.length > 0 ? fit : this.#systems);
    return {
      seed,
      next: (life, still) => {
        if (life > 8) return LIVE;
        // What comes in a recovery only needs a kill before it, at a place that does not matter.
        if (life === 0 && when === 'recovery') return { do: 'die', at: 2 + upTo(r, MOST_POINTS / 2) };
        return { do: 'die in', cells: life < 2 && still.includes(wanted) ? [wanted] : still };
      },
    };
  }

  async #systemsWith(subject: Subject, decided: boolean): Promise<number[]> {
    const fit: number[] = [];
    for (const seed of this.#systems) {
      const has = await subjectsIn(seed);
      if (has.has(subject) && (!decided || has.has('decision'))) fit.push(seed);
    }
    return fit;
  }
}

/** Systems in which one of these is done, and which end as they must whoever is faster. */
export async function findSystems(systems: readonly number[], subjects: readonly Subject[]): Promise<number[]> {
  const fit: number[] = [];
  for (const seed of systems) {
    const has = await subjectsIn(seed);
    if (!isRace(systemOf(seed)) && subjects.some((subject) => has.has(subject))) fit.push(seed);
  }
  return fit;
}

const known = new Map<number, Promise<ReadonlySet<Subject>>>();

/** What happens in an undisturbed run of a system. */
function subjectsIn(seed: number): Promise<ReadonlySet<Subject>> {
  const subjects = known.get(seed) ?? findSubjects(seed);
  known.set(seed, subjects);
  return subjects;
}

async function findSubjects(seed: number): Promise<ReadonlySet<Subject>> {
  const { disk } = await baseOf(seed);
  const text = JSON.stringify([...disk.logs.values()]);
  const spec = systemOf(seed);
  const found = new Set<Subject>(ALWAYS);
  for (const [mark, subject] of Object.entries(MARKS)) if (text.includes(mark)) found.add(subject);
  const tools = spec.agents.flatMap(({ tools: own, subs }) => [...own, ...subs.flatMap(({ agent }) => agent.tools)]);
  for (const { name, does } of tools) if (text.includes(`"name":"${name}"`)) found.add(kindOf(name, does));
  if (spec.agents.some(({ subs }) => subs.some(({ name }) => text.includes(`"name":"${name}"`))))
    found.add('sub-agent');
  return found;
}

const MARKS: Readonly<Record<string, Subject>> = {
  '"do":"hand_off"': 'handoff',
  '"do":"decide_call"': 'approval rule',
  '"do":"check"': 'guardrail',
  '"do":"load_session"': 'session load',
  '"do":"save_session"': 'session save',
  '"do":"choose_output"': 'output choice',
  '"do":"handle_error"': 'error handler',
  '"type":"run.paused"': 'pause',
  '"type":"approval.decided"': 'decision',
};
const ALWAYS: readonly Subject[] = SUBJECTS.filter((subject) =>
  ['model', 'start', 'end', 'taking up', 'lease'].includes(subject),
);
