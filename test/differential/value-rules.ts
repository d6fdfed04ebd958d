/** Deviations in options, schemas, configuration and serialised forms. See rules.ts. */
import { expect } from 'vitest';
import {
  accept,
  all,
  claims,
  entries,
  field,
  holds,
  ignoreExtra,
  instead,
  list,
  logs,
  nameOf,
  text,
  withoutRun,
  type Value,
} from './masks.ts';
import type { Deviation } from './rules.ts';

/** These runs (from 1) end before they begin, with a UserError that names the value. */
export const badRuns = (runs: Record<number, string>): Deviation => ({
  id: 'bad-options',
  mask: all(
    claims((ours) => {
      for (const [number, value] of Object.entries(runs)) {
        const error = field(ours.runs, Number(number) - 1, 'error');
        expect([field(error, 'class'), text(field(error, 'message'))]).toEqual([
          'UserError',
          expect.stringContaining(value),
        ]);
      }
    }),
    ...Object.keys(runs).map((number) => withoutRun(Number(number))),
  ),
});

/** An attempt that the published SDK lets pass is refused. */
export const refused = (id: string, value: string): Deviation => ({
  id,
  mask: accept(/^log\[\d+\]\[1\]$/, (published, ours) => {
    const error = field(ours, 'error');
    const named = field(error, 'class') === 'UserError' && text(field(error, 'message')).includes(value);
    return named && field(published, 'value') !== undefined;
  }),
});

/** The scenario cannot even begin: making its agent throws this. */
export const throwsAtOnce = (id: string, error: { class: string; message: string }): Deviation => ({
  id,
  mask: instead((ours) => {
    expect(ours.runs).toEqual([]);
    expect(entries(ours, 'scenario throws')).toEqual([
      { class: error.class, name: error.class, message: expect.stringContaining(error.message) },
    ]);
  }),
});

export const agentToolInput: Deviation = {
  id: 'agent-tool-input',
  mask: all(
    accept(
      /\.content$/,
      (published, ours) =>
        text(published).startsWith('You are being called as a tool.') &&
        text(ours).startsWith('You are called as a tool.') &&
        holds(ours, 'Oslo'),
    ),
    accept(/\.summary$/, (published, ours) => text(published).startsWith('- city') && text(ours).startsWith('- city')),
  ),
};

export const exactDecisions: Deviation = {
  id: 'exact-decisions',
  mask: all(
    accept(/^log\[8\]\[1\]\[0\]$/, (published, ours) => published === true && ours === false),
    accept(/approvals\.pay\.messages/, (published, _ours) => published === undefined),
  ),
};

/** The first call that changed the input says how a session keeps it. */
export const inputFilterSession: Deviation = {
  id: 'input-filter-session',
  mask: accept(/^log\[\d+\]\[1\]\[0\]\.content$/, (published, ours) => published === 'Go3' && ours === 'Go1'),
};

export const otherArguments: Deviation = {
  id: 'exact-decisions',
  mask: all(
    claims((ours) => {
      expect(entries(ours, 'execute pay')).toEqual([{ n: 1 }]);
      expect(list(field(ours.runs, 1, 'result', 'interruptions'))).toHaveLength(1);
    }),
    withoutRun(2),
  ),
};

export const defaultModel: Deviation = {
  id: 'default-model',
  mask: accept(/^log\[\d+\]\[1\]\[0\]$/, (published, ours) => published === 'gpt-5.6-luna' && ours === 'gpt-5.4-mini'),
};

/** An optional field is `anyOf` with null in a strict schema, like that of a tool. */
export const optionalFields: Deviation = {
  id: 'schemas',
  mask: all(
    accept(/outputType\.strict$/, (published, ours) => published === false && ours === true),
    accept(/outputType\.schema\.properties\.note$/, (_published, ours) => holds(ours, '{"type":"null"}')),
    ignoreExtra(/outputType\.schema\.required$/, (name) => name === 'note'),
  ),
};

export const itemJson: Deviation = {
  id: 'item-json',
  mask: accept(/\.executionStatus$/, (published, ours) => published === 'executed' && ours === undefined),
};

const absent = (_published: Value, ours: Value): boolean => ours === undefined;

export const noMcpOptions: Deviation = { id: 'not-yet', mask: accept(/\.(mcpServers|mcpConfig)$/, absent) };

/** The scenario ends where it first asks for what is not there. */
export const endsAt = (line: string): Deviation => ({
  id: 'not-yet',
  mask: all(
    claims((ours) =>
      expect(text(field(entries(ours, 'scenario throws')[0], 'message'))).toContain('is not a function'),
    ),
    logs((log) => {
      const end = log.findIndex((entry) => [line, 'scenario throws'].includes(nameOf(entry)));
      return log.slice(0, end);
    }),
  ),
});

export const processFinalOutput: Deviation = {
  id: 'process-final-output',
  mask: accept(/^log\[\d+\]\[1\]\.error$/, (published, ours) => {
    const raw = ['ZodError', 'SyntaxError'].includes(text(field(published, 'class')));
    return raw && field(ours, 'class') === 'ModelBehaviorError' && holds(ours, 'The answer does not fit outputType');
  }),
};

export const publishedStates: Deviation = {
  id: 'published-states',
  mask: all(
    claims((ours) => {
      for (const version of ['1.20', '99.0']) {
        expect(text(field(entries(ours, version)[0], 'error', 'message'))).toContain(version);
      }
    }),
    accept(/^log\[\d+\]\[1\]\.error$/, (_published, ours) => field(ours, 'class') === 'UserError'),
  ),
};

export const retryAfter: Deviation = {
  id: 'retry-after',
  mask: accept(/\.retryAfterMs$/, (published, ours) => published === undefined && ours === 1000),
};

export const runnerConfig: Deviation = {
  id: 'runner-config',
  mask: accept(/^log\[2\]\[1\]\.value\.\w+$/, absent),
};

/** A listener that throws ends the run: no further hook of the failed tool, no start of the next agent. */
export const throwingListeners: Deviation = {
  id: 'throwing-listeners',
  mask: all(
    withoutRun(2),
    withoutRun(3),
    accept(/^log\[\d+\]\[1\]\[1\]$/, (published, ours) => published === false && ours === true),
  ),
};
