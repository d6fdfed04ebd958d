/**
 * Events on their way to a reader. The run never waits for it; `closed` settles without one.
 */
import { UserError } from '../protocol/errors.ts';

export class EventQueue<T> {
  #items: T[] = [];
  #head = 0;
  #wake: (() => void) | undefined;
  #end: { error?: { error: unknown } } | undefined;
  #failed: { error: unknown } | undefined;
  #closed: Promise<void> | undefined;
  #settle: (() => void) | undefined;
  #isRead = false;

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Settles at the end: rejects with the error, if it ended with one. */
  get closed(): Promise<void> {
    if (!this.#closed) {
      this.#closed = new Promise((resolve, reject) => {
        this.#settle = () => (this.#failed ? reject(this.#failed.error) : resolve());
        if (this.#end) this.#settle();
      });
      // Who only reads the events need not handle it.
      this.#closed.catch(() => undefined);
    }
    return this.#closed;
  }

  push(item: T): void {
    if (this.#end) return;
    this.#items.push(item);
    this.#notify();
  }

  close(failure?: { error: unknown }): void {
    if (this.#end) return;
    this.#end = {};
    this.#failed = failure;
    this.#settle?.();
    this.#notify();
  }

  /**
   * Reads what comes. `abandon` is called when the reader leaves before the end.
   * @throws UserError while somebody else reads: each event goes to one reader
   */
  read(abandon: () => void): AsyncIterator<T> {
    if (this.#isRead) {
      throw new UserError(
        'This stream is being read already, and each event goes to one reader. Read it once: with for await, toStream() or toTextStream(); await result.completed needs no reader.',
      );
    }
    this.#isRead = true;
    return {
      next: async (): Promise<IteratorResult<T>> => {
        for (;;) {
          if (this.#head < this.#items.length) return { done: false, value: this.#take() };
          if (this.#end) {
            this.#isRead = false;
            if (this.#failed) throw this.#failed.error;
            return { done: true, value: undefined };
          }
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      },
      return: async (): Promise<IteratorResult<T>> => {
        this.#isRead = false;
        abandon();
        return { done: true, value: undefined };
      },
    };
  }

  #take(): T {
    const item = this.#items[this.#head++] as T;
    // Read items are dropped now and then, not one by one.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
