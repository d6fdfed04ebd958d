/**
 * What survives a process: the logs as they were committed, and the ledger of what user code began.
 *
 * A kill happens in a commit: `before`, so that the batch is lost, or `after`, so that it is stored and nothing of it
 * was shown or started. Once killed, a process commits nothing any more.
 */
import { fold, initialState, type Committed, type State } from '../../src/kernel/index.ts';
import type { FunctionCallItem } from '../../src/protocol/items.ts';
import { FORMAT } from '../../src/run/codec.ts';
import { usageOfEvent } from '../../src/run/usage.ts';
import { Usage } from '../../src/protocol/usage.ts';

export type Kill = { at: number; when: 'before' | 'after' };

export class Killed extends Error {
  override readonly name = 'Killed';
}

export class Disk {
  readonly logs = new Map<string, Committed[]>();
  /** Keys of what was begun, once for each time. */
  readonly ledger: string[] = [];
  /** How many batches each process committed. */
  commits = 0;
  dead = false;
  #kill: Kill | undefined;

  /** A new process begins. */
  boot(kill?: Kill): void {
    this.commits = 0;
    this.dead = false;
    this.#kill = kill;
  }

  readonly committer = (runId: string, events: readonly Committed[]): void => {
    if (this.dead) throw new Killed();
    const now = this.#kill?.at === this.commits++;
    if (now && this.#kill?.when === 'before') this.#die();
    const log = this.logs.get(runId) ?? [];
    this.logs.set(runId, log);
    log.push(...(JSON.parse(JSON.stringify(events)) as Committed[]));
    if (now) this.#die();
  };

  #die(): never {
    this.dead = true;
    throw new Killed();
  }

  get rootId(): string | undefined {
    return this.logs.keys().next().value;
  }

  stateOf(runId: string): State {
    return fold(this.logs.get(runId) ?? [], initialState());
  }

  get root(): State {
    return this.stateOf(this.rootId ?? '');
  }

  /** The envelope that a durable store would read back: the root's log with those of sub-agents that are not done. */
  text(agent: string, context: unknown): string {
    const runId = this.rootId ?? '';
    const usage = new Usage();
    for (const events of this.logs.values()) {
      for (const event of events) {
        const own = usageOfEvent(event);
        if (own) usage.add(new Usage({ requests: 1, ...own }));
      }
    }
    const { requests, inputTokens, outputTokens, totalTokens } = usage;
    return JSON.stringify({
      format: FORMAT,
      agent,
      run: this.#log(runId),
      usage: { requests, inputTokens, outputTokens, totalTokens },
      context,
    });
  }

  #log(runId: string): object {
    const { calls, k } = this.stateOf(runId);
    const pending = calls.filter(({ status }) => status === 'running' || status === 'waiting');
    const children = pending.map(({ i }) => `${runId}/m${k}/c${i}`).filter((id) => this.logs.has(id));
    return {
      runId,
      events: this.logs.get(runId),
      ...(children.length > 0 && { children: children.map((id) => this.#log(id)) }),
    };
  }

  /** What was begun, by key, and what of it is known to have been done: its answer was committed. */
  completed(): Map<string, number> {
    const done = new Map<string, number>();
    const count = (key: string): void => void done.set(key, (done.get(key) ?? 0) + 1);
    for (const events of this.logs.values()) {
      for (const event of events) {
        if (event.type === 'handoff.returned') count(`handoff ${callOf(events, event.id)?.arguments}`);
        if (event.type === 'model.replied') count(`model ${event.reply.responseId}`);
        if (event.type === 'model.failed') count(`model ${event.error.message.replace('model failed: ', '')}`);
        if (event.type === 'tool.returned') count(`tool ${callOf(events, event.id)?.callId}`);
        if (event.type === 'tool.failed') count(`tool ${/ in (\S+)$/.exec(event.error.message)?.[1]}`);
      }
    }
    return done;
  }
}

/** The call that an effect's id speaks of. */
function callOf(events: readonly Committed[], id: string): FunctionCallItem | undefined {
  const [k, c] = id.split('/c');
  for (const event of events) {
    if (event.type !== 'model.replied' || event.id !== k) continue;
    const { output } = event.reply;
    const plain = output.filter(({ type }) => type === 'function_call');
    const item = event.calls ? output[event.calls[Number(c)]?.at ?? -1] : plain[Number(c)];
    return item?.type === 'function_call' ? item : undefined;
  }
  return undefined;
}
