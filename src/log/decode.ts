/** Rows as the port shows them. What is unreadable or missing is an error with its positions. */
import type { Json } from '../protocol/json.ts';
import { decode, isEvent } from './codec.ts';
import { LogError } from './errors.ts';
import { corrupt } from './refusals.ts';
import type { LogEvent, Posting, RunInfo, RunLog } from './types.ts';
import type { InfoRow, PostingRow, ReadAnswer } from './commands.ts';

type Blobs = ReadonlyMap<string, string>;
const NO_BLOBS: Blobs = new Map();

/** @throws LogError `log/corrupt` */
export function logOf(answer: ReadAnswer, limit: number | undefined, where: string): RunLog {
  const { info, from, snapshot, inbox } = answer;
  const { runId, head } = info;
  const blobs = new Map(answer.blobs.map(({ hash, text }) => [hash, text]));
  const count = Math.max(0, Math.min(head - from, limit ?? Infinity));
  const stored = new Map(answer.events.map((event) => [event.position, event]));
  const unreadable: number[] = [];
  const events: { position: number; at: number; event: LogEvent }[] = [];
  for (let position = from; position < from + count; position++) {
    const row = stored.get(position);
    const event = row && eventOf(row.text, blobs);
    if (row && event) events.push({ position, at: row.at, event });
    else unreadable.push(position);
    stored.delete(position);
  }
  // Rows beyond the head were not committed by a log.
  unreadable.push(...stored.keys());
  if (unreadable.length > 0) throw corrupt(runId, unreadable, where);
  const state = snapshot && decode(snapshot.text, blobs);
  if (snapshot && !state) {
    throw new LogError(
      'log/corrupt',
      `${where}: the snapshot of run "${runId}" is unreadable. It was kept. Read the run without its snapshot.`,
    );
  }
  return {
    info: infoOf(info),
    // JSON went in.
    ...(snapshot && { snapshot: { at: snapshot.at, state: state?.value as Json } }),
    events,
    inbox: inbox.map((row) => postingOf(row, { blobs, runId, where })),
  };
}

function eventOf(text: string, blobs: Blobs): LogEvent | undefined {
  const value = decode(text, blobs)?.value;
  return isEvent(value) ? value : undefined;
}

/** @throws LogError `log/corrupt` */
export function postingOf(
  { text, ...row }: PostingRow,
  { blobs, runId, where }: { blobs: Blobs; runId: string; where: string },
): Posting {
  const event = eventOf(text, blobs);
  if (event) return { ...row, event };
  throw new LogError(
    'log/corrupt',
    `${where}: the posting at position ${row.position} of the inbox of run "${runId}" is unreadable. It was kept.`,
  );
}

/** What a run waits for is shown where it can be read: it decides nothing. */
export function infoOf({ waitingText, ...info }: InfoRow): RunInfo {
  const waiting = waitingText === undefined ? undefined : decode(waitingText, NO_BLOBS);
  return waiting ? { ...info, waiting: waiting.value as Json } : info;
}
