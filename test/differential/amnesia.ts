/**
 * The second pass: ours against ours with amnesia, where the kernel drops its state and every live value after each
 * commit and goes on from the log alone. Here `published` of a pair is ours as usual. What may differ is what JSON
 * cannot hold; every case that is not listed must be equal.
 */
import { accept, all } from './masks.ts';
import type { Deviation } from './rules.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

// A bigint is text in a trace, and live all the same.
const isLive = (value: unknown): boolean => !isText(value) || value.startsWith('$bigint:');

/** Live values of tools come back as the text or the parts that the model gets. */
const liveOutputs: Deviation = {
  id: 'live-outputs',
  mask: all(
    accept(/\.output$|finalOutput$|^log\[\d+\]\[1\]\[\d+\]/, (live, back) => isLive(live) && isText(back)),
    accept(
      /finalOutput$|^log\[\d+\]\[1\]\[\d+\]$/,
      (live, back) => isText(live) && isText(back) && back.includes('"type":"input_'),
    ),
  ),
};

/** What was thrown or made comes back as another object. */
const identity: Deviation = {
  id: 'object-identity',
  mask: accept(/^log\[\d+\]\[1\](\[\d+\])?$/, (live, back) => live === true && back === false),
};

/** A class that is not JavaScript's or the core's comes back as Error. */
const foreignClasses: Deviation = {
  id: 'foreign-classes',
  mask: accept(/\.class$/, (live, back) => live === 'UnexpectedModelCallError' && back === 'Error'),
};

/** The error of an aborted sub-agent is live: its hook is told the text that the model gets instead. */
const abortText: Deviation = {
  id: 'live-outputs',
  mask: accept(/^log\[\d+\]\[1\]\[\d+\]$/, (live, back) => {
    return live === 'AbortError: This operation was aborted' && isText(back) && back.includes('was stopped');
  }),
};

const both = (name: string, ...found: Deviation[]): [string, Deviation[]][] =>
  ['plain', 'stream'].map((mode) => [`${name} [${mode}]`, found]);

export const amnesiaDeviations: ReadonlyMap<string, readonly Deviation[]> = new Map([
  ...both('turns: an error of the model is the very error', identity),
  ...both('tools: values of every kind as output', liveOutputs),
  ...both('tools: structured outputs', liveOutputs),
  // The second error is live where it is committed together with the first.
  ['tools: two fatal errors in one turn [stream]', [{ ...liveOutputs, sometimes: true }]],
  ...both('tool rules: stop_on_first_tool', liveOutputs),
  ...both('tool rules: parts that an output guardrail withholds', liveOutputs),
  ...both('tool rules: what a tool returned as parts is the output as it returned it', liveOutputs),
  ...both('tool rules: stopAtToolNames, named and not named', liveOutputs),
  ...both('tool rules: a function decides and sees live values', liveOutputs),
  ...both('tool rules: an async function declines', liveOutputs),
  ...both('tool rules: a function that throws, an object as final output', liveOutputs),
  ...both('tool rules: stop_on_first_tool with a structured output', liveOutputs),
  ...both('handoffs: a callback that throws', identity),
  ['abort: a sub-agent is aborted with its parent [plain]', [abortText]],
  ...both('abort: a tool that throws the reason of its signal', abortText),
  ...both('suspects: abort while the second tool works, then resume', abortText),
  ...both('tools: images in the form of MCP', liveOutputs),
  ...both('values: what tools returned, as JSON', liveOutputs),
  ...both('values: items of a run know what they are', liveOutputs),
  ...both('tool schemas: an output schema is checked', liveOutputs),
  ...both('hooks: a listener that throws at each point', identity),
  ['streams: toStream, and events hold the items of the result [stream]', [identity]],
  ...both('testing: a script that runs out, and one that is left over', foreignClasses),
]);
