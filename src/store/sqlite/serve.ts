/** The writer thread of one file. Which components it knows is decided upstairs, in src/sqlite-thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Component } from './component.ts';
import { openDatabase } from './database.ts';
import type { Synchronous } from './database.ts';
import type { Reply, Request } from './messages.ts';
import { planner } from './plan.ts';
import { Writer } from './writer.ts';

export type ThreadData = {
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly readOnly: boolean;
  readonly pageBytes?: number;
};

/** Answers this thread's port until it is told to close. */
export function serve(components: readonly Component[]): void {
  // The word of files.ts, which starts this thread.
  const { path, ...options } = workerData as ThreadData;
  const port = parentPort;
  if (!port) throw new Error('The SQLite thread runs in a worker thread only.');

  const writer = new Writer({
    path,
    plan: planner(components),
    open: () => openDatabase(path, { components, ...options }),
    settle: (settled) => port.postMessage(settled satisfies readonly Reply[]),
  });
  const answer = (id: number, value: unknown): void =>
    port.postMessage([{ id, outcome: { answers: [value] } } satisfies Reply]);

  const take = (request: Request): void => {
    if (!('ask' in request)) return writer.submit(request);
    if (request.ask === 'version') return answer(request.id, writer.version());
    if (request.ask === 'scrub') {
      void writer.scrub(request.timeoutMs).then((outcome) => port.postMessage([{ id: request.id, outcome }]));
      return;
    }
    void writer.close().then(() => {
      answer(request.id, undefined);
      port.close();
    });
  };
  port.on('message', (requests: readonly Request[]) => requests.forEach(take));
}
