/**
 * Differences that are known mistakes of ours: the table of deviations names them until they are mended, so that the
 * rest of their cases stays compared. Whoever mends one is told by the tests to take it out here and in the docs.
 */
import { accept, all, field, ignoreExtra, ignoreMissing, list, nameOf, withoutRun } from './masks.ts';
import type { Json } from './normalise.ts';
import type { Deviation } from './rules.ts';

const EVENTS = /^events\[\d+\]$/;
const isHook = (entry: Json, name: string): boolean => nameOf(entry).endsWith(name);

/** A `toolUseBehavior` that does not exist fails with a TypeError of the inside. */
export const unknownToolRule: Deviation = { id: 'unknown-tool-rule', mask: withoutRun(3) };

/** The stream of a resumed run begins with results and questions that were streamed before. */
export const repeatedEvents: Deviation = {
  id: 'repeated-stream-events',
  mask: ignoreExtra(EVENTS, (event) =>
    ['tool_output', 'tool_approval_requested'].includes(String(field(event, 'event'))),
  ),
};

/** The results of output guardrails lack `agentOutput` when it was withheld, in streams. */
export const withheldOutput: Deviation = {
  id: 'withheld-output-in-streams',
  mask: accept(/outputGuardrailResults\[0\]\.agentOutput$/, (_published, ours) => ours === undefined),
};

/** A stream that is aborted with a reason of its own ends quietly. */
export const streamAbortReason: Deviation = {
  id: 'stream-abort-reason',
  mask: all(
    accept(/^runs\[0\]\.(error|errorState)$/, (_published, ours) => ours === undefined),
    accept(/streamed\.error$/, (published, ours) => field(published, 'class') === 'TypeError' && ours === null),
    accept(/^log\[5\]\[1\]$/, (published, ours) => published === true && ours === false),
  ),
};

/** Usage of a streamed model call that was tried again counts one request too few; one that failed, too many. */
export const streamedRetryUsage: Deviation = {
  id: 'streamed-retry-usage',
  mask: accept(/\.usage$/, (published, ours) => field(published, 'requests') !== field(ours, 'requests')),
};

/** Raw events of a model call that times out do not reach the reader. */
export const lostRawEvents: Deviation = {
  id: 'lost-raw-events',
  mask: ignoreMissing(EVENTS, (event) => field(event, 'event') === 'raw'),
};

/** `modelSettings.timeoutMs` is looked at when the agent has started. */
export const lateOptionCheck: Deviation = {
  id: 'late-option-check',
  mask: ignoreExtra(/^log$/, (entry) => isHook(entry, 'agent_start')),
};

/** Listeners that throw: `agent_tool_end` is not a ToolCallError, `agent_handoff` lets the next agent start. */
export const throwingListeners: Deviation = {
  id: 'throwing-listeners',
  mask: all(
    withoutRun(2),
    withoutRun(3),
    accept(/^log\[\d+\]\[1\]\[1\]$/, (published, ours) => published === false && ours === true),
  ),
};

/** A context that is null reaches tools as `{}`. */
export const nullContext: Deviation = {
  id: 'null-context',
  mask: accept(/^log\[\d+\]\[1\]$/, (published, ours) => published === null && JSON.stringify(ours) === '{}'),
};

/** `RunContext.toJSON()` leaves out the messages of rejections. */
export const contextJson: Deviation = {
  id: 'context-json',
  mask: all(
    accept(/approvals\.pay\.(messages|stickyRejectMessage)$/, (_published, ours) => ours === undefined),
    accept(/approvals\.pay\.approved$/, (published, ours) => published === false && list(ours).length === 0),
  ),
};

export const defects: readonly Deviation[] = [
  unknownToolRule,
  repeatedEvents,
  withheldOutput,
  streamAbortReason,
  streamedRetryUsage,
  lostRawEvents,
  lateOptionCheck,
  throwingListeners,
  nullContext,
  contextJson,
];
