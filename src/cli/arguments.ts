/** Arguments of commands, by node:util, with errors that say what to do. */
import { statSync } from 'node:fs';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { UserError } from '../protocol/errors.ts';
import { openTraceStore, type TraceStore } from '../trace/store/index.ts';
import { traceStorePath } from '../trace/store/location.ts';

export type Parsed = {
  readonly values: { readonly [name: string]: string | boolean | undefined };
  readonly positionals: readonly string[];
};

/** Of all commands that read the store. */
export const STORE_OPTIONS = { store: { type: 'string' }, tenant: { type: 'string' } } as const;

/** @throws UserError for an option or an argument that the command does not have */
export function parse(args: readonly string[], options: ParseArgsOptionsConfig, most: number): Parsed {
  let parsed: Parsed;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    parsed = { values: values as Parsed['values'], positionals };
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
  const extra = parsed.positionals[most];
  if (extra !== undefined) throw new UserError(`There is one argument too many: ${JSON.stringify(extra)}.`);
  return parsed;
}

export const textOf = ({ values }: Parsed, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

/** @throws UserError for what is no whole number within the limits */
export function wholeOf(
  parsed: Parsed,
  name: string,
  { least, most }: { least: number; most: number },
): number | undefined {
  const text = textOf(parsed, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UserError(`--${name} is ${JSON.stringify(text)}. Give a whole number from ${least} to ${most}.`);
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A point in time, in milliseconds since the epoch: so long ago (`12h`), or a date with or without a time of day, which
 * is local where it names no zone.
 *
 * @throws UserError for what is neither
 */
export function momentOf(parsed: Parsed, name: string): number | undefined {
  const text = textOf(parsed, name);
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return Date.now() - Number(count) * (UNITS[unit ?? ''] ?? 0);
  // A date alone would be one of Greenwich. What is no date at all may be one to the engine: "12" is December 2001.
  const isDate = /^\d{4}-\d\d-\d\d(?:$|[T ])/.test(text);
  const at = isDate ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new UserError(
    `--${name} is ${JSON.stringify(text)}. Give how long ago (30m, 12h, 7d) or a time (2026-11-25, 2026-11-25T22:00).`,
  );
}

/** The file of the store that the options name: a folder or a file. */
function storePathOf(parsed: Parsed): string {
  const said = textOf(parsed, 'store');
  return said !== undefined && (said.endsWith('.db') || isFile(said)) ? said : traceStorePath(said);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Opening it says more of what is wrong.
    return false;
  }
}

/** The store that the options name, and whose part of it. */
export function storeOptionsOf(parsed: Parsed): { path: string; tenant?: string } {
  const path = storePathOf(parsed);
  const tenant = textOf(parsed, 'tenant');
  return { path, ...(tenant !== undefined && { tenant }) };
}

export const openStore = (parsed: Parsed): Promise<TraceStore> => openTraceStore(storeOptionsOf(parsed));
