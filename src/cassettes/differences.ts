/**
 * Compares a recorded request with one that is asked now. Both are in normal form and redacted; `[redacted]` in the
 * recorded one stands for any text, because a key is another one on the next machine.
 */
import type { Json } from '../protocol/json.ts';
import { REDACTED } from './redaction.ts';
import { isMembers, type Members } from './types.ts';

/** One place where two requests differ. Values are JSON, shortened to the part that differs. */
export type Difference = {
  /** Such as `input[3].content`. */
  readonly path: string;
  /** Absent where only the other has it. */
  readonly recorded?: string;
  readonly asked?: string;
};

/** Whether a recorded value stands for one that is asked. */
export function fits(recorded: Json, asked: Json): boolean {
  if (typeof recorded === 'string') return typeof asked === 'string' && textFits(recorded, asked);
  if (typeof recorded !== 'object' || recorded === null) return recorded === asked;
  if (typeof asked !== 'object' || asked === null) return false;
  if (Array.isArray(recorded)) {
    return Array.isArray(asked) && recorded.length === asked.length && recorded.every((each, n) => at(asked, n, each));
  }
  if (Array.isArray(asked)) return false;
  const keys = Object.keys(recorded);
  if (keys.length !== Object.keys(asked).length) return false;
  return keys.every((key) => {
    const [one, other] = [recorded[key], asked[key]];
    return one !== undefined && other !== undefined && fits(one, other);
  });
}

function at(asked: readonly Json[], n: number, recorded: Json): boolean {
  const other = asked[n];
  return other !== undefined && fits(recorded, other);
}

function textFits(recorded: string, asked: string): boolean {
  if (recorded === asked) return true;
  if (!recorded.includes(REDACTED)) return false;
  const pieces = recorded.split(REDACTED);
  const [first = '', last = ''] = [pieces[0], pieces.at(-1)];
  if (!asked.startsWith(first)) return false;
  let from = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = asked.indexOf(piece, from);
    if (found < 0) return false;
    from = found + piece.length;
  }
  return asked.length - last.length >= from && asked.endsWith(last);
}

/** All places where the two differ, outermost first. */
export function differencesOf(recorded: Json | undefined, asked: Json | undefined, path: string): Difference[] {
  if (recorded === undefined || asked === undefined) {
    if (recorded === asked) return [];
    return [
      {
        path,
        ...(recorded !== undefined && { recorded: shown(recorded) }),
        ...(asked !== undefined && { asked: shown(asked) }),
      },
    ];
  }
  if (fits(recorded, asked)) return [];
  if (Array.isArray(recorded) && Array.isArray(asked)) {
    const length = Math.max(recorded.length, asked.length);
    return Array.from({ length }, (_, n) => differencesOf(recorded[n], asked[n], `${path}[${n}]`)).flat();
  }
  if (isMembers(recorded) && isMembers(asked)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(asked)]);
    return [...keys].flatMap((key) => differencesOf(own(recorded, key), own(asked, key), join(path, key)));
  }
  if (typeof recorded === 'string' && typeof asked === 'string') return [{ path, ...aroundChange(recorded, asked) }];
  return [{ path, recorded: shown(recorded), asked: shown(asked) }];
}

const own = (value: Members, key: string): Json | undefined => (Object.hasOwn(value, key) ? value[key] : undefined);
const join = (path: string, key: string): string =>
  /^[A-Za-z_][\w-]*$/.test(key) ? (path === '' ? key : `${path}.${key}`) : `${path}[${JSON.stringify(key)}]`;

const WIDTH = 160;
const BEFORE = 40;

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text;
}

/** Two texts from a little before the place where they part. */
function aroundChange(recorded: string, asked: string): { recorded: string; asked: string } {
  let same = 0;
  while (same < recorded.length && recorded[same] === asked[same]) same++;
  const from = same <= BEFORE ? 0 : same - BEFORE;
  const cut = (text: string): string => {
    const piece = text.slice(from, from + WIDTH);
    return `${from > 0 ? '…' : ''}${JSON.stringify(piece)}${text.length > from + WIDTH ? '…' : ''}`;
  };
  return { recorded: cut(recorded), asked: cut(asked) };
}
