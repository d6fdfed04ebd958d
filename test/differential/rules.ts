/**
 * The deviations: what ours does otherwise on purpose. Each has an id that docs/compatibility.md explains, and a mask
 * that takes exactly that difference out of a pair of traces. deviations.ts says which cases show which.
 */
import { expect } from 'vitest';
import {
  accept,
  all,
  claims,
  entries,
  expectPaired,
  field,
  ignoreExtra,
  ignoreMissing,
  instead,
  list,
  logs,
  nameOf,
  outline,
  withoutRun,
  type Mask,
} from './masks.ts';
import type { Json } from './normalise.ts';

export type Deviation = {
  /** Its heading in docs/compatibility.md. */
  id: string;
  mask: Mask;
  /** It hangs on which things settle in one tick, so that a case may also be equal without it. */
  sometimes?: true;
};

type Value = Json | undefined;

const text = (value: Value): string => (typeof value === 'string' ? value : '');
const holds = (value: Value, part: string): boolean => JSON.stringify(value ?? null).includes(part);
const named =
  (...names: string[]) =>
  (entry: Json): boolean =>
    names.some((name) => nameOf(entry).endsWith(name));
const wire = (item: Json): Value => field(item, 'rawItem') ?? item;
const said = (item: Json): string => text(field(wire(item), 'content', 0, 'text'));
const isToolItem = (item: Json): boolean => text(field(wire(item), 'type')).startsWith('function_call');

const LOG = /^log$/;
const EVENTS = /^events\[\d+\]$/;
const ARGUMENT = /^log\[\d+\]\[1\]\[\d+\]$/;
/** Where a run says which items it has. */
const ITEMS = /^runs\[\d+\]\.(result\.(newItems|history|output)|errorState\.history)$/;

/** Applies to every case: where the published error has no state, ours is not compared. */
export const errorState: Deviation = {
  id: 'error-state',
  mask: accept(
    /^runs\[\d+\]\.errorState$/,
    (published, ours) => published === null && field(ours, 'history') !== undefined,
  ),
};

export const errorTexts: Deviation = {
  id: 'error-texts',
  mask: all(
    ignoreMissing(/^console$/, (line) => text(line).includes('Accessed finalOutput before')),
    accept(/\.message$|^console\[\d+\]$/, (published, ours) => text(published) !== '' && text(ours) !== ''),
  ),
};

export const failedCallsKept: Deviation = {
  id: 'failed-calls-kept',
  mask: all(
    claims((ours) => {
      for (const run of list(ours.runs)) {
        if (field(run, 'error') === undefined) continue;
        expectPaired(field(run, 'errorState', 'history'), 'error.state');
        expectPaired(field(run, 'result', 'history'), 'result');
      }
    }),
    ignoreExtra(ITEMS, isToolItem),
    ignoreExtra(EVENTS, (event) => isToolItem(event)),
  ),
};

/** The session holds `items` in the end; everything but the saving is compared. */
export const saved = (...items: string[]): Deviation => ({
  id: 'saved-on-failure',
  mask: all(
    claims((ours) => expect(outline(entries(ours, 'session').at(-1))).toEqual(items)),
    logs((log) => log.filter((entry) => !['session', 'session.addItems'].includes(nameOf(entry)))),
    ignoreExtra(EVENTS, (event) => field(event, 'event') === 'tool_output'),
  ),
});

export const hookArguments: Deviation = {
  id: 'hook-arguments',
  mask: all(
    accept(/^log\[\d+\]\[1\]\[\d+\]\.toolCall\.arguments$/, (published, ours) => published === '' && text(ours) !== ''),
    accept(ARGUMENT, (published, ours) => text(published).includes('redacted') && text(ours).includes('Invalid input')),
  ),
};

export const waitingAgentTool: Deviation = {
  id: 'waiting-agent-tool',
  mask: all(
    ignoreMissing(LOG, named('agent_tool_end', 'agent_tool_start')),
    ignoreExtra(ITEMS, (item) => field(item, 'type') === 'tool_approval_item'),
    ignoreExtra(EVENTS, (event) => field(event, 'event') === 'tool_approval_requested'),
  ),
};

export const callIds: Deviation = {
  id: 'call-ids',
  mask: instead((ours) => {
    expect(entries(ours, 'execute one')).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 2 }]);
    for (const run of list(ours.runs)) {
      const history = ['user', 'call same', 'result same', 'call same', 'result same', 'assistant'];
      expect(outline(field(run, 'result', 'history'))).toEqual(history);
      expect(field(run, 'result', 'finalOutput')).toBe('Done');
    }
  }),
};

export const refusals: Deviation = {
  id: 'refusals',
  mask: ignoreMissing(
    /(newItems|history|output|^log\[\d+\]\[1\]\[3\])$/,
    (item) => item === 'message_output_item' || holds(item, '"type":"refusal"'),
  ),
};

const asksAgain = (value: Json): boolean => holds(value, 'Your last answer was not accepted');

/** The answers of the scenarios that do not fit; published errors leave them out. */
const isUnfit = (item: Json): boolean => ['no json', '{"n":"one"}', '{"n":1} and more'].includes(said(item));

export const outputRetries: Deviation = {
  id: 'output-retries',
  mask: all(
    ignoreExtra(LOG, (entry) => nameOf(entry) === 'model' && asksAgain(entry)),
    ignoreExtra(
      /(newItems|history|output|^log\[\d+\]\[1\]\[3\])$/,
      (item) => item === 'input_item' || asksAgain(item) || isUnfit(item),
    ),
    accept(/currentTurn$/, (published, ours) => ours === Number(published) + 1),
  ),
};

export const finishedState: Deviation = {
  id: 'finished-state',
  mask: ignoreMissing(LOG, named('agent_end')),
};

export const resultsOfAReply: Deviation = {
  id: 'results-of-a-reply',
  mask: accept(
    /^log\[\d+\]\[1\]\[\d+\]$|finalOutput$/,
    (published, ours) => published === 'paid' && ours === 'look done',
  ),
};

export const sessionOnResume: Deviation = {
  id: 'session-on-resume',
  mask: ignoreMissing(LOG, named('session.getItems')),
};

/** Saves that follow each other directly count as one. */
export const oneSave: Deviation = {
  id: 'one-save',
  mask: all(
    claims((ours) => expect(entries(ours, 'session.addItems')).toHaveLength(1)),
    logs((log) =>
      log.reduce<Json[]>((before, entry) => {
        const last = before.at(-1);
        if (nameOf(entry) !== 'session.addItems' || nameOf(last) !== 'session.addItems') return [...before, entry];
        return [...before.slice(0, -1), ['session.addItems', [...list(field(last, 1)), ...list(field(entry, 1))]]];
      }, []),
    ),
  ),
};

export const serverConversationSession: Deviation = {
  id: 'server-conversation-session',
  mask: all(
    ignoreMissing(LOG, named('session.getItems')),
    accept(/^runs\[0\]\.result\.input$/, (published, ours) => text(field(published, 0, 'content')) === ours),
  ),
};

export const handoffFilters: Deviation = {
  id: 'handoff-filter-session',
  mask: all(
    ignoreExtra(/^log\[\d+\]\[1\]$/, isToolItem),
    ignoreExtra(EVENTS, (event) => field(event, 'event') === 'handoff_occurred'),
  ),
};

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

export const abandonedStreams: Deviation = {
  id: 'abandoned-streams',
  mask: ignoreExtra(LOG, named('agent_tool_start', 'execute look', 'agent_tool_end')),
};

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

export const abortReason: Deviation = {
  id: 'abort-reason',
  mask: accept(
    /^log\[\d+\]\[1\]\[1\]\.(class|name|message)$|^log\[\d+\]\[1\]\.(class|name|message)$/,
    (_published, ours) => ['DOMException', 'AbortError', 'This operation was aborted'].includes(text(ours)),
  ),
};

export const siblingsKeepResults: Deviation = {
  id: 'siblings-keep-results',
  mask: accept(ARGUMENT, (published, ours) => published === 'aborted' && ours === 'slow done'),
};

export const exactDecisions: Deviation = {
  id: 'exact-decisions',
  mask: accept(/^log\[8\]\[1\]\[0\]$/, (published, ours) => published === true && ours === false),
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
    return raw && field(ours, 'class') === 'ModelBehaviorError' && holds(ours, 'Invalid output type');
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

/** Of the published run nothing is left but its beginning and its end. */
export const preAborted: Deviation = {
  id: 'pre-aborted-signal',
  mask: all(
    claims((ours) => expect(entries(ours, 'model')).toEqual([])),
    ignoreMissing(LOG, named('session.getItems', 'session.addItems', 'agent_start', 'model')),
    accept(/^log\[\d+\]\[1\]$/, (_published, ours) => Array.isArray(ours) && ours.length === 0),
    accept(/^runs\[0\]\.error$/, (_published, ours) => field(ours, 'name') === 'AbortError'),
    accept(/^runs\[0\]\.result\.input$/, (_published, ours) => ours === 'Go'),
    accept(/currentTurn$/, (published, ours) => published === 1 && ours === 0),
  ),
};

export const currentTurn: Deviation = {
  id: 'current-turn',
  mask: accept(/currentTurn$/, (published, ours) => ours === Number(published) + 1),
};

export const streamsBeginAtOnce: Deviation = {
  id: 'streams-begin-at-once',
  mask: accept(/^runs\[\d+\]\.result$/, (published, ours) => {
    return published === undefined && list(field(ours, 'newItems')).length === 0;
  }),
};

const objectOutput = (published: Value, ours: Value): boolean => published === '[object Object]' && ours === '{"n":1}';

export const handlerOutputs: Deviation = {
  id: 'handler-outputs',
  mask: all(
    accept(/(\[\d+\]|text|content|finalOutput)$/, objectOutput),
    accept(/^runs\[0\]\.(result\.streamed\.)?error$/, (published, ours) => {
      return holds(published, 'redacted') && field(ours, 'class') === 'ModelBehaviorError';
    }),
    ignoreExtra(ITEMS, (item) => holds(item, 'Enough.')),
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

const sorted = (entries: readonly Json[]): Json[] =>
  entries.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));

/** Neighbours in the log whose names end like one of `names` come in any order. */
export const sameTick = (...names: string[]): Deviation => ({
  id: 'same-tick',
  sometimes: true,
  mask: logs((log) => {
    const out: Json[] = [];
    let loose: Json[] = [];
    for (const entry of log) {
      if (named(...names)(entry)) loose.push(entry);
      else {
        out.push(...sorted(loose), entry);
        loose = [];
      }
    }
    return [...out, ...sorted(loose)];
  }),
});
