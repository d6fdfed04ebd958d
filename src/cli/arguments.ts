/** Arguments of commands, by node:util, with errors that say what to do. */
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

/** The store that the options name: a folder or a file. */
export function openStore(parsed: Parsed): Promise<TraceStore> {
  const said = textOf(parsed, 'store');
  const path = said === undefined || !said.endsWith('.db') ? traceStorePath(said) : said;
  const tenant = textOf(parsed, 'tenant');
  return openTraceStore({ path, ...(tenant !== undefined && { tenant }) });
}
