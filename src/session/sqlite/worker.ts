/** The writer thread of one file. */
import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from './commands.ts';
import type { Reply, Request } from './commands.ts';
import { openDatabase } from './database.ts';
import type { Synchronous } from './database.ts';
import { Writer } from './writer.ts';

export type WorkerData = { readonly path: string; readonly synchronous: Synchronous };

// Both are the word of store.ts, which starts this thread.
const { path, synchronous } = workerData as WorkerData;
const port = parentPort;
if (!port) throw new Error('worker.ts runs in a worker thread only.');

const writer = new Writer({
  path,
  open: () => openDatabase(path, synchronous),
  settle: (settled) =>
    port.postMessage(
      settled.map(({ id, outcome }): Reply =>
        'answer' in outcome ? { id, answer: outcome.answer } : { id, failure: failureOf(outcome.error) },
      ),
    ),
});

port.on('message', (request: Request) => {
  if (!('close' in request)) return writer.submit(request);
  void writer.close().then(() => {
    port.postMessage([{ id: request.id, answer: {} } satisfies Reply]);
    port.close();
  });
});
