/** Recordings of models: made once, replayed in tests without a network, a key or a cost. */
export { cassette } from './cassette.ts';
export type { Cassette, CassetteOptions } from './cassette.ts';
export type { Difference } from './differences.ts';
export { CassetteError, CassetteMissError } from './errors.ts';
export type { CassetteErrorCode, CassetteMiss } from './errors.ts';
export { cassetteFetch } from './fetch.ts';
export type { CassetteFetchOptions } from './fetch.ts';
export type { CassetteFileOptions, CassetteMode } from './options.ts';
export type { RedactionOptions } from './redaction.ts';
export { cassetteOf, writeCassette } from './synthetic.ts';
export { storedCassettes } from './erase.ts';
export type {
  CassetteData,
  CassetteEntry,
  ModelEntry,
  RequestPart,
  RequestParts,
  StoredError,
  WireEntry,
} from './types.ts';
