/**
 * Keeps the health of a router's endpoints in step with a board.
 *
 * S1 No call waits for the board, and none fails by it. S2 Only what the endpoint itself said is told: a wrong key, or a
 * network that one host has lost, is no news for others. S3 The board is looked at while calls are made, and a minute
 * longer; an idle router has no timer.
 */
import { warn } from '../../protocol/warn.ts';
import type { HealthBoard, HealthReport, HealthView } from './board.ts';

/** What sharing needs of an endpoint. */
export interface Member {
  /** What is new since the last time. */
  report(): Omit<HealthReport, 'key'>;
  /** The last report did not arrive. */
  unreported(): void;
  hear(view: HealthView): void;
}

const IDLE_MS = 60_000;
const LONGEST_PAUSE_MS = 30_000;

export class Sharing {
  readonly #board: HealthBoard;
  readonly #me = crypto.randomUUID();
  readonly #members = new Map<string, Member>();
  #timer: NodeJS.Timeout | undefined;
  #activeAt = 0;
  #isAsking = false;
  #isUrgent = false;
  #failures = 0;

  constructor(board: HealthBoard) {
    this.#board = board;
  }

  join(key: string, member: Member): void {
    this.#members.set(key, member);
  }

  /** A call begins. */
  active(): void {
    this.#activeAt = Date.now();
    if (!this.#timer && !this.#isAsking) this.#schedule(0);
  }

  /** Something that others should hear of soon. */
  urgent(): void {
    this.#activeAt = Date.now();
    if (this.#isAsking) this.#isUrgent = true;
    else if (this.#failures === 0) this.#schedule(0);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#exchange(), ms);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #exchange(): Promise<void> {
    this.#timer = undefined;
    this.#isAsking = true;
    this.#isUrgent = false;
    const reports = [...this.#members].map(([key, member]) => ({ key, ...member.report() }));
    try {
      const views = await this.#board.exchange(this.#me, reports);
      this.#failures = 0;
      for (const view of views) this.#members.get(view.key)?.hear(view);
    } catch (error) {
      for (const member of this.#members.values()) member.unreported();
      this.#failed(error);
    } finally {
      this.#isAsking = false;
    }
    if (Date.now() - this.#activeAt < IDLE_MS) this.#schedule(this.#pause());
  }

  #pause(): number {
    const { everyMs = 1000 } = this.#board;
    if (this.#failures > 0) return Math.min(LONGEST_PAUSE_MS, everyMs * 2 ** this.#failures);
    return this.#isUrgent ? 0 : everyMs;
  }

  #failed(error: unknown): void {
    this.#failures = Math.min(this.#failures + 1, 10);
    if (this.#failures > 1) return;
    const said = error instanceof Error ? error.message : String(error);
    warn(`Health is not shared for now, and this process goes by what it knows itself: ${said}`);
  }
}
