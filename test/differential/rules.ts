/**
 * The deviations: what ours does otherwise on purpose. Each has an id that docs/compatibility.md explains, and a mask
 * that takes exactly that difference out of a pair of traces. Here are those of runs, in value-rules.ts those of options
 * and values; deviations.ts says which cases show which.
 */
import { expect } from 'vitest';
import {
  accept,
  all,
  claims,
  entries,
  expectWhole,
  field,
  holds,
  ignoreExtra,
  ignoreMissing,
  instead,
  list,
  logs,
  nameOf,
  outline,
  text,
  type Mask,
  type Value,
} from './masks.ts';
import type { Json } from './normalise.ts';

export type Deviation = {
  /** Its heading in docs/compatibility.md. */
  id: string;
  mask: Mask;
  /** It hangs on which things settle in one tick, so that a case may also be equal without it. */
  sometimes?: true;
};

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

/** What both tell the model otherwise, by the words of each that say what is meant, and with what it is about. */
const TOLD: readonly (readonly [published: RegExp, ours: RegExp])[] = [
  [/'(\w+)' timed out after (\d+)ms/, /^Tool "(\w+)" was stopped: it had no result within (\d+) ms \(timeoutMs\)\.$/],
  [/parsing tool arguments/, /^The tool was not run: its arguments are not valid JSON\./],
  [/'(\w+)' not found/, /^There is no tool named "(\w+)"\./],
  [/for (\S*) was manually rejected/, /^A person rejected the call (\S*)\.$/],
  [/^Multiple handoffs/, /^Not done: of several handoffs in one answer, the first counts\.$/],
  [/^Handoff to the (.+) agent to .+ request\. (.*)$/, /^Hands the conversation over to the agent "(.+)"\. ?(.*)$/],
];

const about = (form: RegExp, value: Value): string | undefined => form.exec(text(value))?.slice(1).join('|');

/** Both tell the model the same in other words. */
const isToldSo = (published: Value, ours: Value): boolean =>
  TOLD.some(([theirs, mine]) => {
    const facts = about(mine, ours);
    return facts !== undefined && facts === about(theirs, published);
  });

/** An error as text, as hooks get it: of one class. */
const classOf = (value: Value): string | undefined => /\b(\w+(?:Error|Triggered)): /.exec(text(value))?.[1];
const isSameError = (published: Value, ours: Value): boolean =>
  classOf(published) !== undefined && classOf(published) === classOf(ours);

/** Both say the same in words of their own. */
export const isSameSaid = (published: Value, ours: Value): boolean =>
  isToldSo(published, ours) || isSameError(published, ours);

/** Applies to every case; wording.ts sees to it that the words differ. */
export const errorTexts: Deviation = {
  id: 'error-texts',
  mask: all(
    accept(/\.message$|^console\[\d+\]$/, (published, ours) => text(published) !== '' && text(ours) !== ''),
    accept(/./, isSameSaid),
  ),
};

/** No warning that a final output is missing, where the stream has thrown why. */
export const toldByError: Deviation = {
  id: errorTexts.id,
  mask: ignoreMissing(/^console$/, (line) => text(line).includes('Accessed finalOutput before')),
};

/** What is told of a call that was aborted. */
export const abortedText: Deviation = {
  id: errorTexts.id,
  mask: accept(
    /\.output(\.text)?$/,
    (published, ours) => published === 'aborted' && text(ours).includes('was stopped'),
  ),
};

export const failedCallsKept: Deviation = {
  id: 'failed-calls-kept',
  mask: all(
    claims((ours) => {
      for (const run of list(ours.runs)) if (field(run, 'error') !== undefined) expectWhole(run);
    }),
    ignoreExtra(ITEMS, isToolItem),
    ignoreExtra(EVENTS, (event) => isToolItem(event)),
  ),
};

/** The session holds `items` in the end; everything but the saving is compared. */
export const saved = (...items: string[]): Deviation => ({
  id: 'saved-on-failure',
  mask: all(
    claims((ours) => {
      const held = entries(ours, 'session').at(-1);
      expect(outline(held)).toEqual(items);
      expect(entries(ours, 'session.addItems').flat()).toEqual(held);
    }),
    logs((log) => log.filter((entry) => !['session', 'session.addItems'].includes(nameOf(entry)))),
    ignoreExtra(EVENTS, (event) => field(event, 'event') === 'tool_output'),
  ),
});

export const hookArguments: Deviation = {
  id: 'hook-arguments',
  mask: all(
    accept(/^log\[\d+\]\[1\]\[\d+\]\.toolCall\.arguments$/, (published, ours) => published === '' && text(ours) !== ''),
    accept(
      ARGUMENT,
      (published, ours) => text(published).includes('redacted') && text(ours).includes('do not fit its parameters'),
    ),
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

/** A listener of a sub-agent's events is told the question of the sub-agent below it, too. */
export const askedBelow: Deviation = {
  id: waitingAgentTool.id,
  mask: ignoreExtra(/^log\[\d+\]\[1\]\.B$/, (name) => name === 'tool_approval_requested'),
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
    claims((ours) => {
      const requests = entries(ours, 'model');
      for (const [at, request] of requests.entries()) {
        if (!asksAgain(request)) continue;
        const before = requests[at - 1];
        const input = list(field(request, 'input'));
        expect({ ...(request instanceof Object ? request : {}), input: input.slice(0, -2) }).toEqual(before);
        expect(outline(input).slice(-2)).toEqual(['assistant', 'user']);
        expect([isUnfit(input.at(-2) ?? null), asksAgain(input.at(-1) ?? null)]).toEqual([true, true]);
      }
    }),
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

export const abandonedStreams: Deviation = {
  id: 'abandoned-streams',
  mask: ignoreExtra(LOG, named('agent_tool_start', 'execute look', 'agent_tool_end')),
};

export const abortReason: Deviation = {
  id: 'abort-reason',
  mask: accept(
    /^log\[\d+\]\[1\]\[1\]\.(class|name|message)$|^log\[\d+\]\[1\]\.(class|name|message)$/,
    (_published, ours) => ['DOMException', 'AbortError', 'This operation was aborted'].includes(text(ours)),
  ),
};

/** A stream that is aborted while a tool works tells the reason that was given, as it does while a model works. */
export const abortIsTold: Deviation = {
  id: 'abort-reason',
  mask: accept(
    /^runs\[0\]\.(error|errorState|result\.streamed\.error)$/,
    (_published, ours) => ours === null || field(ours, 'message') === 'enough of this',
  ),
};

export const siblingsKeepResults: Deviation = {
  id: 'siblings-keep-results',
  mask: accept(ARGUMENT, (published, ours) => published === 'aborted' && ours === 'slow done'),
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
    const begun = list(field(ours, 'newItems')).length + Number(field(ours, 'usage', 'requests'));
    return published === undefined && begun === 0 && field(ours, 'streamed', 'error', 'class') !== undefined;
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
