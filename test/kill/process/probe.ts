/**
 * Tells a worker process at which point of a run it is, by what it writes to the log and by what its user code says,
 * and has it die there where it was told to. Each point is written down first, for kills from outside.
 */
import { appendFileSync } from 'node:fs';
import type { Effect, RunEvent } from '../../../src/kernel/index.ts';
import type { Commit, EventLog, RunLog } from '../../../src/log/index.ts';
import type { FunctionCallItem } from '../../../src/protocol/items.ts';
import { cellOf, type Order, type Point, type Subject, type When } from './points.ts';

export type ProbeOptions = {
  /** Where the points are written down. */
  file: string;
  order: Order;
  /** What a tool of this name is. */
  subjectOf(tool: string): Subject | undefined;
  /** Called before the process stops, to be told where it stands. */
  stopping(): void;
};

export class Probe {
  when: When = 'first';
  readonly #options: ProbeOptions;
  readonly #wanted: ReadonlySet<string>;
  /** Of effects that were asked for, by run and id. */
  readonly #subjects = new Map<string, Subject>();
  readonly #replies = new Map<string, (FunctionCallItem | undefined)[]>();
  #points = 0;
  #commits = 0;

  constructor(options: ProbeOptions) {
    this.#options = options;
    const { order } = options;
    this.#wanted = new Set(order.do === 'die in' ? order.cells : []);
  }

  /** The process is here. It may not come back. */
  at(...points: readonly Point[]): void {
    if (points.length === 0) return;
    const { file, order } = this.#options;
    const cells = points.map((point) => cellOf(this.when, point));
    appendFileSync(file, `${cells.join(';')}\n`);
    this.#points += 1;
    const isHere = order.do === 'die' ? order.at === this.#points : cells.some((cell) => this.#wanted.has(cell));
    if (isHere) process.kill(process.pid, 'SIGKILL');
    const isCommit = points.some(({ phase }) => phase.startsWith('<'));
    if (isCommit && order.do === 'stop' && ++this.#commits === order.at) {
      this.#options.stopping();
      process.kill(process.pid, 'SIGSTOP');
    }
  }

  /** The log, which says what is about to be written to it, and what was. */
  watched(log: EventLog): EventLog {
    const around = async <T>(points: readonly Subject[], write: () => Promise<T>): Promise<T> => {
      this.at(...points.map((subject): Point => ({ subject, phase: '<answer' })));
      const done = await write();
      this.at(...points.map((subject): Point => ({ subject, phase: 'answer>' })));
      return done;
    };
    return {
      store: log.store,
      append: async (commit) => {
        const points = this.#pointsOf(commit);
        this.at(...points.map(([subject, what]): Point => ({ subject, phase: `<${what}` })));
        const done = await log.append(commit);
        this.at(...points.map(([subject, what]): Point => ({ subject, phase: `${what}>` })));
        if (commit.events.some(({ type }) => type === 'approval.decided')) this.when = 'decided';
        return done;
      },
      read: async (runId, options) => {
        const read = await log.read(runId, options);
        if (read) this.#learn(runId, read);
        return read;
      },
      list: (query) => log.list(query),
      post: async (runId, posting) => {
        const posted = await around(['decision'], () => log.post(runId, posting));
        this.when = 'decided';
        return posted;
      },
      watch: (runId, known, signal) => log.watch(runId, known, signal),
      remove: (query) => log.remove(query),
      close: () => log.close(),
      leases: {
        claim: (runId, claim) => around(['lease'], () => log.leases.claim(runId, claim)),
        beat: (worker, options) => log.leases.beat(worker, options),
      },
    };
  }

  /** What was written in earlier lives, to know what is answered in this one. */
  #learn(runId: string, { events }: RunLog): void {
    for (const { event } of events) this.#note(runId, event as RunEvent);
  }

  #pointsOf({ runId, events }: Commit): [Subject, 'request' | 'began' | 'answer'][] {
    return events.flatMap((each): [Subject, 'request' | 'began' | 'answer'][] => {
      const event = each as RunEvent;
      const written = WRITTEN[event.type];
      if (written) return [[written, 'answer']];
      const subject = this.#note(runId, event);
      if (!subject) return [];
      if (event.type === 'effect.requested') return [[subject, 'request']];
      return [[subject, event.type === 'effect.began' ? 'began' : 'answer']];
    });
  }

  /** The effect that an event speaks of. */
  #note(runId: string, event: RunEvent): Subject | undefined {
    if (event.type === 'model.replied') {
      const calls = event.reply.output.map((item) => (item.type === 'function_call' ? item : undefined));
      const plain = calls.filter((item) => item !== undefined);
      this.#replies.set(`${runId}/${event.id}`, event.calls ? event.calls.map(({ at }) => calls[at]) : plain);
    }
    if (event.type === 'effect.requested') {
      const subject = this.#subjectOf(runId, event.effect);
      if (subject) this.#subjects.set(`${runId}/${event.effect.id}`, subject);
      return subject;
    }
    if (!('id' in event) || event.id === undefined || event.type === 'run.stopping') return undefined;
    return this.#subjects.get(`${runId}/${event.id}`);
  }

  #subjectOf(runId: string, effect: Effect): Subject | undefined {
    if (effect.do !== 'call_tool') return OF_EFFECT[effect.do];
    const call = this.#replies.get(`${runId}/m${effect.k}`)?.[effect.i];
    return call && this.#options.subjectOf(call.name);
  }
}

const OF_EFFECT: Readonly<Record<Exclude<Effect['do'], 'call_tool'>, Subject | undefined>> = {
  load_session: 'session load',
  check: 'guardrail',
  call_model: 'model',
  decide_call: 'approval rule',
  hand_off: 'handoff',
  choose_output: 'output choice',
  handle_error: 'error handler',
  save_session: 'session save',
  compact_session: undefined,
};

const WRITTEN: Readonly<Partial<Record<RunEvent['type'], Subject>>> = {
  'run.started': 'start',
  'run.paused': 'pause',
  'approval.decided': 'decision',
  'run.recovered': 'taking up',
  'run.resumed': 'taking up',
  'run.finished': 'end',
  'run.failed': 'end',
  'run.cancelled': 'end',
};
