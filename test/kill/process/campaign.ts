/**
 * A campaign of kills on one store: random systems run in worker processes, several at the same time on one database,
 * which die as orders.ts says, until enough kills were made. Whatever is not as it must be is a problem.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HISTORY } from '../history.ts';
import { chance, type Random, random, times } from '../random.ts';
import { systemOf } from '../systems.ts';
import type { Mutant } from './mutants.ts';
import { Oracle, type Stores } from './oracle.ts';
import { Orders, type Plan } from './orders.ts';
import { openBudgets, openLog, openSession, type Place, pointsFile } from './paths.ts';
import { type Cell, type Order, shortCells } from './points.ts';
import { type Ended, type Job, type Worker, Workers } from './workers.ts';

export type CampaignOptions = {
  readonly place: Place;
  /** How many kills are made. */
  readonly kills: number;
  /** How many kills each cell gets. More kills are made until it is so, up to twice `kills`. @default 0 */
  readonly floor?: number;
  readonly seed: number;
  /** How long it may take: after that no run is begun any more. @default an hour */
  readonly minutes?: number;
  /** Plants a defect in the workers. The campaign ends with the first problem then. */
  readonly mutant?: Mutant;
  /** Where lives end; random unless given. */
  readonly orders?: (n: number) => Plan;
};

export type Campaign = {
  kills: number;
  /** Of them: by the process itself at a point, from outside at a random time, and while a process started. */
  atPoints: number;
  atTimes: number;
  atStart: number;
  /** Of them: with an effect begun and not answered. */
  inFlight: number;
  /** Runs that came to their end. */
  runs: number;
  /** Lives of another worker than the one before it, which had to wait for the lease. */
  takeovers: number;
  /** Processes that stood still beyond their lease and went on when another had ended their run. */
  overtaken: number;
  /** Kills by cell: a kill in a commit counts for each effect that it speaks of. */
  readonly cells: Map<Cell, number>;
  readonly problems: string[];
};

/** At the same time on one database. Most of the time a process waits for the store. */
const TRACKS = 6;
const SYSTEMS = 300;
const LONG_LEASE_MS = 60_000;
const SHORT_LEASE_MS = 1000;

export async function campaign(options: CampaignOptions): Promise<Campaign> {
  const { place, seed } = options;
  const workers = await Workers.open('worker.fixture', place);
  const log = openLog(place);
  const budgets = openBudgets(place);
  // Held open, so that the file is not opened and closed with each look at a session.
  const held = openSession(place, 'held', true);
  await held.getItems();
  try {
    const made = new Making(options, { workers, stores: { place, log, budgets }, r: random(seed) });
    await Promise.all(times(TRACKS, () => made.track()));
    return made.result;
  } finally {
    await workers.close();
    await Promise.all([held.close(), budgets.close(), log.close()]);
  }
}

type Means = { workers: Workers; stores: Stores; r: Random };

class Making {
  readonly result: Campaign = {
    kills: 0,
    atPoints: 0,
    atTimes: 0,
    atStart: 0,
    inFlight: 0,
    runs: 0,
    takeovers: 0,
    overtaken: 0,
    cells: new Map(),
    problems: [],
  };
  readonly #options: CampaignOptions;
  readonly #means: Means;
  readonly #orders: Orders;
  readonly #until: number;
  #n = 0;

  constructor(options: CampaignOptions, means: Means) {
    this.#options = options;
    this.#until = performance.now() + (options.minutes ?? 60) * 60_000;
    this.#means = means;
    this.#orders = new Orders(
      means.r,
      times(SYSTEMS, (n) => n),
    );
  }

  get #short(): Cell[] {
    return shortCells(this.result.cells, this.#options.floor ?? 0);
  }

  get #isOver(): boolean {
    const { kills, problems } = this.result;
    const { kills: wanted, mutant } = this.#options;
    if (problems.length > (mutant ? 0 : 20) || performance.now() > this.#until) return true;
    return kills >= wanted && (this.#short.length === 0 || kills >= 2 * wanted);
  }

  async track(): Promise<void> {
    const { workers, r } = this.#means;
    while (!this.#isOver) {
      const n = this.#n++;
      const plan = this.#options.orders?.(n) ?? (await this.#next());
      await this.#run(`k${n}`, plan);
      if (chance(r, 0.05) && (await workers.killWhileStarting(r() * 150))) {
        this.result.kills += 1;
        this.result.atStart += 1;
      }
    }
  }

  #next(): Promise<Plan> {
    // What is short when most kills are made is looked for and nothing else.
    const isLate = this.result.kills > this.#options.kills * 0.7;
    return this.#orders.next(this.#short, isLate);
  }

  /** One run, from its first life to its end. */
  async #run(runId: string, plan: Plan): Promise<void> {
    const { result } = this;
    const { stores, r } = this.#means;
    const { place } = this.#options;
    const { seed } = plan;
    const spec = systemOf(seed);
    if (spec.session !== 'none') {
      const session = openSession(place, runId, spec.session === 'plain');
      await session.addItems(structuredClone(HISTORY));
      await session.close();
    }
    const oracle = new Oracle(stores, { runId, seed });
    // In some runs each life is another worker's, who has to wait until the lease has run out.
    const isStrangers = chance(r, 0.06);
    for (let life = 0; life < 60; life++) {
      const order = plan.next(life, this.#short);
      const worker = isStrangers ? `${runId}-${life}` : `of-${runId}`;
      if (isStrangers && life > 0) result.takeovers += 1;
      const leaseMs = isStrangers || order.do === 'stop' ? SHORT_LEASE_MS : LONG_LEASE_MS;
      const ended = await this.#live({ runId, seed, life, worker, leaseMs, order }, oracle);
      if (life === 0) plan.first?.(ended.how === 'killed');
      if (ended.how === 'killed') this.#count(runId, order);
      if (ended.how === 'killed' || ended.how === 'again') await oracle.afterLife({ isKill: ended.how === 'killed' });
      if (ended.how === 'wrong') oracle.problems.push(`run ${runId} of system ${seed}, life ${life}: ${ended.what}`);
      if (ended.how === 'done' || ended.how === 'wrong') break;
      if (life === 59) oracle.problems.push(`run ${runId} of system ${seed} does not come to its end`);
    }
    await oracle.atEnd();
    result.runs += 1;
    result.inFlight += oracle.inFlight;
    result.problems.push(...oracle.problems);
  }

  async #live(given: Job, oracle: Oracle): Promise<Ended> {
    const { workers } = this.#means;
    const { mutant } = this.#options;
    const job: Job = { ...given, ...(mutant && { mutant }) };
    writeFileSync(pointsFile(this.#options.place, job.runId), '');
    const worker = await workers.take();
    const ended = await worker.begin(job);
    if (ended !== 'stopped') {
      workers.giveBack(worker);
      return ended;
    }
    return this.#overtake(worker, job, oracle);
  }

  /** Another ends the run of one that stands still in the middle of it; that one, going on, must not change it. */
  async #overtake(stopped: Worker, job: Job, oracle: Oracle): Promise<Ended> {
    const { workers } = this.#means;
    await oracle.afterLife({ isKill: false });
    let ended: Ended | 'stopped' = { how: 'again', because: '' };
    for (let n = 0; n < 20 && ended.how === 'again'; n++) {
      const other = await workers.take();
      ended = await other.begin({
        ...job,
        life: job.life + n + 1,
        worker: `${job.worker}-${n}`,
        order: { do: 'live' },
      });
      workers.giveBack(other);
      if (ended !== 'stopped' && ended.how === 'again') await oracle.afterLife({ isKill: false });
      if (ended === 'stopped') throw new Error('It was told to live.');
    }
    const before = await oracle.heads();
    const woken = await oracle.whileWoken(() => stopped.goOn());
    workers.giveBack(stopped);
    // What it had on its way arrives, if at all, before it says how it ended.
    await sleep(20);
    const after = await oracle.heads();
    if (before !== after) oracle.problems.push(`run ${job.runId}: who was overtaken wrote: ${before} became ${after}`);
    if (woken.how === 'wrong') oracle.problems.push(`run ${job.runId}: who was overtaken ended wrong: ${woken.what}`);
    this.result.overtaken += 1;
    return ended;
  }

  #count(runId: string, order: Order): void {
    const { result } = this;
    result.kills += 1;
    if (result.kills % 250 === 0) console.log(`${result.kills} kills, ${this.#short.length} cells have too few`);
    if (order.do === 'be killed') result.atTimes += 1;
    else result.atPoints += 1;
    const points = readFileSync(pointsFile(this.#options.place, runId), 'utf8').split('\n').slice(0, -1);
    for (const cell of new Set(points.at(-1)?.split(';'))) result.cells.set(cell, (result.cells.get(cell) ?? 0) + 1);
  }
}
