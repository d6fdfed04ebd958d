/**
 * What a cassette throws. These are for tests, so they extend `Error` and not the SDK's base class: a run that handles
 * the SDK's errors must not swallow a broken test.
 */
import type { Difference } from './differences.ts';

export type CassetteErrorCode =
  | 'cassette/miss'
  | 'cassette/unused'
  | 'cassette/format'
  | 'cassette/write'
  | 'cassette/options'
  | 'cassette/aborted';

/** A cassette cannot do what it is asked. The message says why and what to do. */
export class CassetteError extends Error {
  readonly code: CassetteErrorCode;
  constructor(code: CassetteErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CassetteError';
    this.code = code;
  }
}

/** What was asked, and the recorded request that is most like it. */
export type CassetteMiss = {
  /** The file, or a name for a cassette without one. */
  readonly cassette: string;
  /** Counts the requests of this cassette object, from 1. */
  readonly request: number;
  /** The recorded request that is most like it: its position, from 1, and whether it was used already. */
  readonly nearest?: { readonly entry: number; readonly used: boolean };
  /** There is no such file. */
  readonly fileIsMissing?: true;
  /** Where the two differ. Empty where they are equal, and the recorded one was used up. */
  readonly differences: readonly Difference[];
};

const MOST_SHOWN = 12;

/** A request that is not on the cassette. Nothing was sent. */
export class CassetteMissError extends CassetteError implements CassetteMiss {
  readonly cassette: string;
  readonly request: number;
  readonly nearest?: NonNullable<CassetteMiss['nearest']>;
  declare readonly fileIsMissing?: true;
  readonly differences: readonly Difference[];
  constructor(miss: CassetteMiss, summary: string) {
    super('cassette/miss', missMessage(miss, summary));
    this.name = 'CassetteMissError';
    this.cassette = miss.cassette;
    this.request = miss.request;
    if (miss.nearest) this.nearest = miss.nearest;
    if (miss.fileIsMissing) this.fileIsMissing = true;
    this.differences = miss.differences;
  }
}

function missMessage(
  { cassette, request, nearest, differences, fileIsMissing }: CassetteMiss,
  summary: string,
): string {
  if (fileIsMissing) {
    return [
      `Request ${request} is not on the cassette ${cassette}: there is no such file.`,
      `  asked: ${summary}`,
      'Nothing was sent. Record it where there is a key (BATON_CASSETTES=record), and commit the file.',
    ].join('\n');
  }
  return [
    `Request ${request} is not on the cassette ${cassette}.`,
    `  asked: ${summary}`,
    ...nearestLines(nearest, differences),
    'Nothing was sent. If the change is meant, record again: BATON_CASSETTES=record, or delete the file.',
  ].join('\n');
}

function nearestLines(nearest: CassetteMiss['nearest'], differences: readonly Difference[]): string[] {
  if (!nearest) return ['  The cassette has no request of this kind.'];
  const { entry, used } = nearest;
  if (differences.length === 0) {
    return [`  Entry ${entry} is equal, but was replayed already: this run asks more often than the recorded one.`];
  }
  const more = differences.length - MOST_SHOWN;
  return [
    `  Most like it is entry ${entry}${used ? ' (replayed already)' : ''}. It differs here:`,
    ...differences
      .slice(0, MOST_SHOWN)
      .flatMap(({ path, recorded, asked }) => [
        `  ${path}`,
        `    recorded: ${recorded ?? '(nothing)'}`,
        `    asked:    ${asked ?? '(nothing)'}`,
      ]),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}
