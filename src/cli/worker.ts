/** `baton worker <module>`: goes on with the durable runs that nobody has, until it is told to end. */
import type { RunInfo } from '../log/index.ts';
import { type DrainOptions, runWorker, type WorkerEvent } from '../durable/index.ts';
import { parse, wholeOf } from './arguments.ts';
import type { Command } from './command.ts';
import { duration } from './format.ts';
import { endSoon, type ModuleStore, storeOf } from './store-module.ts';
import { clip, harmless, type Terminal } from './terminal.ts';

export const worker: Command = {
  usage: `baton worker <module> [--every <seconds, default 5>] [--limit <runs at once, default 50>]
             [--drain <seconds, default 25>] [--finish]

  The module exports a RunStore with its agents, as default or as "store", or a function that makes one.
  SIGTERM or SIGINT ends it: what is under way is done and stored, then the runs are left to others;
  with --finish runs go on until they rest. After --drain seconds what is left is cut off. A second
  signal cuts it off at once.`,
  async run(args, terminal) {
    const seconds = { type: 'string' } as const;
    const options = { every: seconds, limit: seconds, drain: seconds, finish: { type: 'boolean' } } as const;
    const parsed = parse(args, options, 1);
    const [module] = parsed.positionals;
    const everyMs = (wholeOf(parsed, 'every', { least: 1, most: 86_400 }) ?? 5) * 1000;
    const limit = wholeOf(parsed, 'limit', { least: 1, most: 100_000 }) ?? 50;
    const timeoutMs = (wholeOf(parsed, 'drain', { least: 0, most: 86_400 }) ?? 25) * 1000;
    const until = parsed.values['finish'] === true ? 'rest' : 'commit';
    const store = await storeOf(module, 'recover');
    const signals = listen();
    try {
      say(terminal, `${terminal.paint('bold', 'worker')} ${harmless(store.worker)} looks every ${everyMs / 1000} s`);
      const onEvent = (event: WorkerEvent): void => say(terminal, lineOf(event, terminal));
      await runWorker(store, { everyMs, limit, signal: signals.first, onEvent });
      say(terminal, terminal.paint('dim', `draining, ${timeoutMs / 1000} s at most`));
      await drained(store, { until, timeoutMs }, { terminal, now: signals.second });
    } finally {
      signals.off();
    }
    endSoon(0);
    return 0;
  },
};

/** What ends a worker, and what ends it at once. */
function listen(): { first: AbortSignal; second: AbortSignal; off: () => void } {
  const first = new AbortController();
  const second = new AbortController();
  const onSignal = (): void => (first.signal.aborted ? second : first).abort();
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const off = (): void => void process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  return { first: first.signal, second: second.signal, off };
}

type Draining = { readonly terminal: Terminal; readonly now: AbortSignal };

async function drained(
  store: ModuleStore<'recover'>,
  options: DrainOptions,
  { terminal, now }: Draining,
): Promise<void> {
  // Draining again with no time left cuts off what the first one waits for. What goes wrong, the first one tells.
  const cut = (): void => void store.drain({ timeoutMs: 0 }).catch(() => undefined);
  if (now.aborted) cut();
  else now.addEventListener('abort', cut, { once: true });
  const left = await store.drain(options);
  await store.close({ timeoutMs: 0 });
  const what = left.length === 0 ? 'nothing is left' : `left to others: ${left.map(harmless).join(', ')}`;
  say(terminal, `${terminal.paint('bold', 'ended')}, ${what}`);
}

function say({ out, paint }: Terminal, text: string): void {
  out(`${paint('dim', new Date().toTimeString().slice(0, 8))} ${text}`);
}

function lineOf(event: WorkerEvent, { paint, columns }: Terminal): string {
  const shown = (text: string): string => clip(harmless(text), Math.max(40, columns - 20));
  switch (event.type) {
    case 'taken':
      return `${paint('blue', '↻')} ${named(event.run)} ${paint('dim', shown(takenFrom(event.run)))}`;
    case 'rested': {
      const { run, status, ms } = event;
      const [colour, sign] = status === 'paused' ? (['yellow', '⏸'] as const) : (['green', '✓'] as const);
      return `${paint(colour, sign)} ${named(run)} ${paint(colour, status)} after ${duration(ms)}`;
    }
    case 'failed': {
      const { run, error } = event;
      if (codeOf(error) === 'durable/closed') return `${paint('yellow', '→')} ${named(run)} is left to others`;
      return `${paint('red', '✗')} ${named(run)} ${paint('red', shown(messageOf(error)))}`;
    }
    case 'refused':
      return `${paint('red', '✗')} ${harmless(event.runId)} not taken: ${paint('red', shown(messageOf(event.error)))}`;
    case 'trouble':
      return `${paint('red', '✗')} ${paint('red', shown(messageOf(event.error)))}`;
  }
}

const named = ({ runId, agent }: RunInfo): string => `${harmless(runId)} (${harmless(agent)})`;

const takenFrom = ({ status, lease }: RunInfo): string =>
  status === 'paused' ? 'was answered' : lease.owner === undefined ? 'was left' : `taken from ${lease.owner}`;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
