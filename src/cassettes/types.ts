/**
 * What a cassette file holds: readable JSON, version 1.
 *
 * F1: requests are stored in their normal form (normal-form.ts), answers as they came, both redacted.
 * F2: a part of a request that is absent is not known, and is not compared; a part that is `null` was not given.
 */
import type { Json } from '../protocol/json.ts';
import type { KeptFor, Origin } from '../protocol/model.ts';

/** A JSON object. */
export type Members = { [key: string]: Json };
export const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const FORMAT = 'baton/cassette';
export const VERSION = 1;

/** What of a model request is compared. */
export const REQUEST_PARTS = [
  'model',
  'instructions',
  'input',
  'tools',
  'handoffs',
  'outputType',
  'settings',
  'prompt',
  'continues',
] as const;
export type RequestPart = (typeof REQUEST_PARTS)[number];

/** A request, or what is known of it, in normal form. `input` is a list of items. */
export type RequestParts = { [part in RequestPart]?: Json };

/** An error that a model answered with. `facts` are those of the SDK's own model errors. */
export type StoredError = {
  name: string;
  message: string;
  code?: string;
  data?: Json;
  status?: number;
  facts?: { [fact: string]: Json };
};

/** A call of a model. It has a `response`, an `error`, or was `aborted` by its caller. */
export type ModelEntry = {
  kind: 'model';
  /** Who called, where it is known. Not compared. */
  agent?: string;
  /** Who answered. */
  origin?: Origin;
  /** Whose words these are: a durable run, a session. Not compared. */
  keptFor?: KeptFor;
  request: RequestParts;
  /** The events of a streamed answer, in order; of `response_done` its type only, the rest is `response`. */
  events?: Json[];
  /** Milliseconds after the request at which each event came. */
  eventMs?: number[];
  response?: { [member: string]: Json };
  error?: StoredError;
  aborted?: true;
  /** Milliseconds that the answer took. */
  ms?: number;
  /** Made up: the sub-agent's own calls were not in the log, its output was. */
  standIn?: true;
};

/** A call of `fetch`. */
export type WireEntry = {
  kind: 'fetch';
  keptFor?: KeptFor;
  request: { method: string; url: string; body?: Json };
  response: {
    status: number;
    headers: { [name: string]: string };
    /** The body as it came, chunk by chunk; `base64` where it is no text. */
    chunks: string[];
    base64?: true;
    /** Milliseconds after the request at which each chunk came. */
    chunkMs?: number[];
    /** `cut`: the connection broke after the last chunk. `left`: the reader went away. */
    end?: 'cut' | 'left';
  };
};

/** Whose words an entry holds, as far as it is known. */
export const named = (keptFor: KeptFor | undefined): { keptFor?: KeptFor } =>
  keptFor?.runId === undefined && keptFor?.sessionId === undefined ? {} : { keptFor: { ...keptFor } };

export type CassetteEntry = ModelEntry | WireEntry;

/** A cassette as data. `origin` is `synthetic` where it was made from a run's log, not at a model. */
export type CassetteData = {
  format: typeof FORMAT;
  version: typeof VERSION;
  origin: 'recorded' | 'synthetic';
  /** ISO 8601, UTC. */
  recordedAt: string;
  /** The version of this SDK that wrote it. */
  sdk: string;
  /** The stored run that it was made from. */
  runId?: string;
  entries: CassetteEntry[];
};
