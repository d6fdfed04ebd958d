/**
 * What must hold of a run whose processes are killed: after each kill, and at its end.
 *
 * O1 Nothing was begun before its request was stored. O2 What was answered is not done again; what was cut off is
 * repeated at most once a kill. O3 What must not happen twice was begun once. O4 The end is that of a run which nobody
 * killed: state, items, error, session. O5 The log keeps the kernel's laws, and a sub-agent's log too. O6 No lease, no
 * turn and no reservation is left.
 */
import type { Budgets, EventLog, RunInfo } from '../../../src/index.ts';
import type { Committed } from '../../../src/kernel/index.ts';
import { isTurnAwareSession } from '../../../src/session/index.ts';
import { brokenLaws } from '../../kernel/laws.ts';
import { repeats, unequal, withoutResults } from '../compare.ts';
import { Disk } from '../disk.ts';
import { counted, inFlight, type Life, live, normalState, unannounced } from '../life.ts';
import { type SystemSpec, systemOf } from '../systems.ts';
import { hasBudget, Ledger, openSession, type Place } from './paths.ts';

/** The same system as the processes run it, in this process and in memory. */
const undisturbed = (spec: SystemSpec): SystemSpec => ({
  ...spec,
  stream: false,
  session: spec.session === 'none' ? 'none' : 'memory',
});

/** Whether the end depends on who is faster, where what is done takes its time. */
export function isRace({ race, agents }: SystemSpec): boolean {
  const checks = agents[0]?.inputChecks ?? [];
  // A check beside the model ends it when it has answered or before; one before the model, those beside it.
  const ends = checks.filter(({ verdict }) => verdict !== 'pass');
  const areBeside = checks.filter(({ blocking }) => blocking).length > 1;
  return race || ends.some(({ blocking }) => !blocking || areBeside);
}

const bases = new Map<number, Promise<Life>>();
export function baseOf(seed: number): Promise<Life> {
  const base = bases.get(seed) ?? live(undisturbed(systemOf(seed)), { durable: true });
  bases.set(seed, base);
  return base;
}

export type Case = { readonly runId: string; readonly seed: number };

/** Where it looks. */
export type Stores = { readonly place: Place; readonly log: EventLog; readonly budgets: Budgets };

export class Oracle {
  readonly problems: string[] = [];
  /** Of kills: how many left an effect cut off. */
  inFlight = 0;
  readonly #place: Place;
  readonly #log: EventLog;
  readonly #budgets: Budgets;
  readonly #case: Case;
  readonly #lost: Map<string, number>[] = [];
  /** What had been begun at the kill before. */
  #begun = new Map<string, number>();

  constructor({ place, log, budgets }: Stores, the: Case) {
    this.#place = place;
    this.#log = log;
    this.#budgets = budgets;
    this.#case = the;
  }

  /** A process is gone, or has left its run. */
  async afterLife({ isKill }: { isKill: boolean }): Promise<void> {
    const disk = await this.#disk();
    this.problems.push(...unannounced(disk));
    const lost = inFlight(disk);
    this.#lost.push(lost);
    if (!isKill) return;
    const begun = counted(disk.ledger);
    const isCut = ([key]: [string, number]): boolean =>
      !key.startsWith('key ') && (begun.get(key) ?? 0) > (this.#begun.get(key) ?? 0);
    if ([...lost].some(isCut)) this.inFlight += 1;
    this.#begun = begun;
  }

  /**
   * A process that stood still goes on. Between its last look at its lease and the act there is a moment in which it
   * cannot know that it was overtaken: what it begins then is excused, but for what must not happen twice.
   */
  async whileWoken<T>(goOn: () => Promise<T>): Promise<T> {
    const ledger = new Ledger(this.#place, this.#case.runId);
    const before = ledger.lines.length;
    const done = await goOn();
    this.#lost.push(counted(ledger.lines.slice(before)));
    return done;
  }

  /** How many events the logs have. */
  async heads(): Promise<string> {
    return (await this.#infos()).map(({ runId, head }) => `${runId} ${head}`).join();
  }

  async atEnd(): Promise<void> {
    const { seed, runId } = this.#case;
    const spec = systemOf(seed);
    const base = await baseOf(seed);
    const disk = await this.#disk();
    const found = [
      ...repeats(isRace(spec) ? anyWay(base, disk) : base, { disk, lost: this.#lost }),
      ...this.#actedTwice(),
    ];
    const infos = await this.#infos();
    if (infos.length === 0) found.push('was never begun');
    for (const { runId: id, status, lease } of infos) {
      found.push(...brokenLaws(disk.logs.get(id) ?? []).map((problem) => `${id}: ${problem}`));
      if (lease.owner !== undefined) found.push(`${id} is ${status} and still leased to ${lease.owner}`);
    }
    found.push(...(await this.#otherwise(spec, base, disk)), ...(await this.#left(spec)));
    this.problems.push(...found.map((each) => `system ${seed}, run ${runId}: ${each}`));
  }

  /** An attempt of a call is made once, whatever becomes of it. */
  #actedTwice(): string[] {
    const acts = new Ledger(this.#place, this.#case.runId).lines.filter(isAct);
    return [...counted(acts)].flatMap(([act, n]) => (n > 1 ? [`${act}: this attempt was made ${n} times`] : []));
  }

  /** What ended otherwise than undisturbed. */
  async #otherwise(spec: SystemSpec, base: Life, disk: Disk): Promise<string[]> {
    if (isRace(spec)) return [];
    // What was under way when a run stopped is not repeated after a kill: its results, and no more, may differ.
    const cut = new Set(base.outcome.status === 'finished' ? [] : callIds(base.outcome.state));
    const seen = (value: unknown): unknown => withoutResults(value, cut);
    const { runId } = this.#case;
    const ours = normalState(disk.logs.get(runId) ?? [], runId);
    const states = unequal(seen(base.outcome.state), seen(ours)).slice(0, 3);
    const found = states.map((each) => `ended otherwise: ${each}`);
    if (spec.session === 'none') return found;
    const session = openSession(this.#place, runId, spec.session === 'plain');
    const items = unequal(seen(base.outcome.session), seen(await session.getItems())).slice(0, 3);
    await session.close();
    return [...found, ...items.map((each) => `its session is another: ${each}`)];
  }

  /** What a run that is over has not given back. */
  async #left(spec: SystemSpec): Promise<string[]> {
    const { runId } = this.#case;
    const found: string[] = [];
    if (spec.session !== 'none') {
      const session = openSession(this.#place, runId, spec.session === 'plain');
      try {
        if (isTurnAwareSession(session))
          await (await session.takeTurn({ runId: `after-${runId}`, onBusy: 'reject' })).end();
      } catch (error) {
        found.push(`the turn on its session is not free: ${String(error)}`);
      }
      await session.close();
    }
    if (hasBudget(spec)) {
      const { open } = await this.#budgets.balance({ run: runId });
      // A request that had left when its process died may have cost something: it counts, and is no reservation.
      const reserved = open.filter(({ state }) => state === 'reserved');
      found.push(...reserved.map(({ effect }) => `a budget is still reserved for ${effect}`));
    }
    return found;
  }

  async #infos(): Promise<RunInfo[]> {
    const root = await this.#log.read(this.#case.runId, { limit: 0 });
    if (!root) return [];
    const infos: RunInfo[] = [root.info];
    for (const { runId } of infos) infos.push(...(await this.#log.list({ parent: runId })).runs);
    return infos;
  }

  async #disk(): Promise<Disk> {
    const disk = new Disk();
    for (const { runId } of await this.#infos()) {
      const events = (await this.#log.read(runId))?.events ?? [];
      disk.logs.set(
        runId,
        events.map(({ event }) => event as Committed),
      );
    }
    disk.ledger.push(...new Ledger(this.#place, this.#case.runId).lines.filter((line) => !isAct(line)));
    return disk;
  }
}

/** A system that ends by who is faster may do what it did not do undisturbed, once. */
function anyWay(base: Life, killed: Disk): Pick<Life, 'disk'> {
  const disk = new Disk();
  const known = new Set(base.disk.ledger);
  disk.ledger.push(...base.disk.ledger, ...[...new Set(killed.ledger)].filter((key) => !known.has(key)));
  return { disk };
}

const isAct = (line: string): boolean => line.startsWith('act ');

const callIds = (state: unknown): string[] =>
  [...JSON.stringify(state).matchAll(/"callId":"([^"]+)"/g)].map(([, id]) => id ?? '');
