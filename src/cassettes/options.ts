/** What both kinds of cassette are told: where, how, and what must not be written down. */
import { CassetteError } from './errors.ts';
import type { KeptFor } from '../protocol/model.ts';
import type { RedactionOptions } from './redaction.ts';

/**
 * - `replay`: answers from the cassette. What is not on it is an error; nothing is ever sent.
 * - `record`: sends everything, and replaces what the cassette held.
 * - `auto`: answers from the cassette; what is not on it is sent, and added.
 * - `passthrough`: sends everything and records nothing.
 */
export type CassetteMode = 'replay' | 'record' | 'auto' | 'passthrough';

const MODES: readonly CassetteMode[] = ['replay', 'record', 'auto', 'passthrough'];

export type CassetteFileOptions = RedactionOptions & {
  /** Path of the file; folders are made. Commit it: it holds prompts and answers, and no keys. */
  file: string;
  /** @default the environment variable BATON_CASSETTES; else `replay` where CI is set; else `auto` */
  mode?: CassetteMode;
  /** `recorded`: a replay takes the time that the recording took. @default 'none' */
  timing?: 'none' | 'recorded';
  /**
   * Whose words are recorded: what is erased with this run or session.
   *
   * @default what a run says that asks; at `fetch` nobody says it
   */
  keptFor?: KeptFor;
};

/** @throws CassetteError `cassette/options` for a mode that there is not */
export function modeOf(given: CassetteMode | undefined): CassetteMode {
  const env = globalThis.process?.env ?? {};
  const wished = given ?? (env['BATON_CASSETTES'] || undefined);
  if (wished === undefined) return isSet(env['CI']) ? 'replay' : 'auto';
  const mode = MODES.find((each) => each === wished);
  if (mode !== undefined) return mode;
  const source = given === undefined ? 'BATON_CASSETTES' : 'mode';
  throw new CassetteError('cassette/options', `${source} is "${wished}". It can be ${MODES.join(', ')}.`);
}

/** A slip in the name of an option must not leave a secret in a file. @throws CassetteError `cassette/options` */
export function checkCassetteOptions(where: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new CassetteError(
      'cassette/options',
      `${where} got an unknown option "${unknown}". Known: ${known.join(', ')}.`,
    );
  }
  if ('data' in given && !('file' in given)) return;
  if ('file' in given && typeof given.file === 'string' && given.file.trim() !== '') return;
  const file = 'file' in given ? JSON.stringify(given.file) : 'nothing';
  throw new CassetteError('cassette/options', `${where} got ${file} as its file. Give the path of a file.`);
}

const isSet = (value: string | undefined): boolean => value !== undefined && !['', '0', 'false'].includes(value);
