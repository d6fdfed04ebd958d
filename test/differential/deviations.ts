/**
 * Where our traces differ from the published ones on purpose. Each deviation has an id that docs/compatibility.md
 * explains; each names the cases (scenario and mode) that show it and says what our side must do there instead.
 */
import { expect } from 'vitest';
import type { Trace } from './kit.ts';
import type { Json } from './normalise.ts';

export type Deviation = {
  /** Its heading in docs/compatibility.md. */
  id: string;
  why: string;
  expect: (published: Trace, ours: Trace) => void;
};

const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
const field = (value: Json | undefined, ...path: (string | number)[]): Json | undefined =>
  path.reduce<Json | undefined>(
    (at, key) => (at instanceof Object ? new Map(Object.entries(at)).get(String(key)) : undefined),
    value,
  );

/** Wire items as short text: `user`, `call c1`, `result c1`, `assistant`. */
const outline = (items: Json | undefined): string[] =>
  list(items).map((item) => {
    const type = String(field(item, 'type') ?? 'message');
    if (type === 'function_call') return `call ${String(field(item, 'callId'))}`;
    if (type === 'function_call_result') return `result ${String(field(item, 'callId'))}`;
    return type === 'message' ? String(field(item, 'role')) : type;
  });

const entries = (trace: Trace, name: string): Json[] =>
  list(trace.log)
    .filter((entry) => Array.isArray(entry) && entry[0] === name)
    .map((entry) => field(entry, 1) ?? null);

/** The log without what a session did and held. */
const withoutSession = (trace: Trace): Json[] =>
  list(trace.log).filter((entry) => !(Array.isArray(entry) && String(entry[0]).startsWith('session')));

/** Errors and stream events are those of the original, the log too but for the session, which holds `items`. */
const saves = (id: string, items: string[]): Deviation => ({
  id,
  why: 'What was said and done is saved, whatever ends the run, and in both modes the same.',
  expect(published, ours) {
    expect(outline(entries(ours, 'session').at(-1))).toEqual(items);
    expect(withoutSession(ours)).toEqual(withoutSession(published));
    expect(list(ours.runs).map((run) => field(run, 'error'))).toEqual(
      list(published.runs).map((run) => field(run, 'error')),
    );
  },
});

const both = (name: string, deviation: Deviation): Record<string, Deviation> => ({
  [`${name} [plain]`]: deviation,
  [`${name} [stream]`]: deviation,
});

const kept = (items: string[]): Deviation => saves('saved-on-failure', items);
const user = ['user'];
const toolTurn = ['user', 'call call-look', 'result call-look'];

/** A signal that is aborted before the run begins: nothing is asked of the model, whatever else is done. */
const preAborted: Deviation = {
  id: 'pre-aborted-signal',
  why: 'A run whose signal is already aborted does not call the model.',
  expect(_published, ours) {
    expect(entries(ours, 'model')).toEqual([]);
    const [run] = list(ours.runs);
    const streamed = field(run, 'result', 'streamed');
    if (streamed === undefined) expect(field(run, 'error', 'name')).toBe('AbortError');
    else expect([field(streamed, 'cancelled'), field(run, 'error')]).toEqual([true, undefined]);
  },
};

/** A sibling that ends in time after a fatal error keeps its result. */
const siblingKept: Deviation = {
  id: 'siblings-keep-results',
  why: 'A tool that ends in time after a sibling failed has done its work: its result stays in the state.',
  expect(published, ours) {
    const hooks = (trace: Trace) => list(trace.log).filter((entry) => !String(field(entry, 0)).includes('tool_end'));
    expect(hooks(ours)).toEqual(hooks(published));
    expect(field(ours.runs, 0, 'error')).toEqual(field(published.runs, 0, 'error'));
    expect(outline(field(ours.runs, 0, 'errorState', 'history'))).toEqual([
      'user',
      'call call-slow',
      'result call-slow',
    ]);
  },
};

/** States of the published SDK are refused by name. */
const foreignState: Deviation = {
  id: 'published-states',
  why: 'Serialised states of the published SDK (schema 1.x) are another format; the error says so.',
  expect(_published, ours) {
    for (const version of ['1.20', '99.0']) {
      const error = field(entries(ours, version)[0], 'error');
      expect(field(error, 'class')).toBe('UserError');
      expect(String(field(error, 'message'))).toContain(version);
    }
  },
};

export const deviations: Readonly<Record<string, Deviation>> = {
  ...both('sessions: max turns are exceeded', kept(toolTurn)),
  'sessions: the model fails at once [plain]': kept(user),
  ...both('sessions: the model fails after a tool turn', kept(toolTurn)),
  ...both('sessions: a tool is fatal', kept([...toolTurn, 'call c2', 'result c2'])),
  ...both('sessions: the model calls what is not there after a tool turn', kept(toolTurn)),
  'sessions: the model refuses [plain]': kept(user),
  ...both('guardrails: an output check trips after a tool turn', kept(toolTurn)),
  'abort: while the model works [plain]': kept(user),
  'abort: a tool that obeys the signal [stream]': kept([
    'user',
    'call call-look',
    'call call-slow',
    'result call-look',
    'result call-slow',
  ]),
  'abort: a tool that ignores the signal is waited for [stream]': kept(['user', 'call call-slow', 'result call-slow']),
  'abort: between two turns [stream]': kept(toolTurn),
  ...both('abort: before it began', preAborted),
  ...both('tools: a fatal error aborts its siblings and waits for them', siblingKept),
  ...both('approvals: states of another format', foreignState),
};
