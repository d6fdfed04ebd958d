/**
 * Which cases show which deviations. A case that is not listed must leave the same trace on both sides; a listed one
 * must leave the same trace after the masks of its deviations, and need every one of them.
 */
import * as rule from './rules.ts';
import type { Deviation } from './rules.ts';
import * as value from './value-rules.ts';

type Rows = readonly (readonly [name: string, ...deviations: Deviation[]])[];

const table = (rows: Rows, ...modes: string[]): [string, Deviation[]][] =>
  rows.flatMap(([name, ...found]) => modes.map((mode): [string, Deviation[]] => [`${name} [${mode}]`, found]));

const toolTurn = ['user', 'call call-look', 'result call-look'];

/** Both modes alike. */
const both: Rows = [
  ['turns: odd values of maxTurns', value.badRuns({ 2: 'maxTurns is -1', 4: 'maxTurns is NaN' })],
  ['turns: a finished state returns its result without a model call', rule.finishedState],
  ['tools: an error function that throws', rule.failedCallsKept],
  ['tools: errorFunction null raises', rule.failedCallsKept],
  [
    'tools: a fatal error aborts its siblings and waits for them',
    rule.abortReason,
    rule.siblingsKeepResults,
    rule.failedCallsKept,
  ],
  ['tools: two fatal errors in one turn', rule.failedCallsKept],
  ['tools: arguments that do not fit the schema', rule.hookArguments],
  ['tools: arguments that do not fit the schema, with an error function', rule.hookArguments],
  ['tools: the same call id twice in one reply', rule.failedCallsKept],
  ['tools: the same call id in a later turn', rule.callIds],
  [
    'tools: two tools of one name',
    value.throwsAtOnce('bad-options', { class: 'UserError', message: 'two function tools named "one"' }),
  ],
  ['tool rules: a timeout with a text of its own', rule.sameTick('sleep was aborted', 'timeoutErrorFunction')],
  ['tool rules: a timeout raises', rule.failedCallsKept],
  ['tool rules: a timeout raises past an error function', rule.failedCallsKept],
  ['tool rules: an input guardrail throws', rule.failedCallsKept],
  ['tool rules: an input guardrail breaks', rule.failedCallsKept],
  ['tool rules: an output guardrail throws', rule.failedCallsKept],
  ['tool rules: an output guardrail breaks', rule.failedCallsKept],
  ['tool rules: a tool with a default and one without a name', value.refused('bad-options', 'name')],
  ['agent tools: arguments that do not fit', rule.hookArguments],
  ['agent tools: parameters of its own', value.agentToolInput],
  ['agent tools: an approval inside bubbles up', rule.waitingAgentTool],
  ['agent tools: an approval inside is rejected', rule.waitingAgentTool],
  ['agent tools: an approval inside, through a string', rule.waitingAgentTool],
  ['approvals: needsApproval on malformed and on misfit arguments', rule.hookArguments],
  ['approvals: needsApproval that throws', rule.failedCallsKept],
  ['approvals: states of another format', value.publishedStates],
  ['guardrails: an output check trips after a tool turn', rule.saved(...toolTurn)],
  ['sessions: max turns are exceeded', rule.saved(...toolTurn)],
  ['sessions: the model fails after a tool turn', rule.saved(...toolTurn)],
  [
    'sessions: a tool is fatal',
    rule.saved(...toolTurn, 'call c2', 'call call-fail', 'result c2', 'result call-fail'),
    rule.failedCallsKept,
    rule.sameTick('agent_tool_end'),
  ],
  ['sessions: a handoff, plain and with a filter', rule.handoffFilters],
  ['sessions: with a conversation of the server nothing is sent twice', rule.serverConversationSession],
  ['error handlers: maxTurns gives a final output', rule.oneSave],
  ['error handlers: modelRefusal', rule.refusals],
  ['error handlers: invalidFinalOutput', rule.outputRetries],
  ['error handlers: an output that does not fit the agent', rule.outputRetries, rule.refusals, rule.handlerOutputs],
  ['error handlers: output guardrails check what a handler gives', rule.handlerOutputs],
  ['abort: before it began', rule.preAborted],
  ['models: settings that a model family implies', value.defaultModel],
  ['outputs: text that is not JSON, JSON that does not fit', rule.outputRetries],
  ['outputs: a JSON schema is not checked', rule.outputRetries],
  ['outputs: through a string', rule.finishedState],
  ['agents: a hook that throws', rule.failedCallsKept],
  ...[
    'hosted tools: how they are sent',
    'hosted tools: an MCP approval pauses',
    'hosted tools: an MCP approval is rejected',
    'hosted tools: onApproval answers at once',
  ].map((name): [string, Deviation] => [
    name,
    value.throwsAtOnce('not-yet', { class: 'TypeError', message: 'hostedMcpTool is not a function' }),
  ]),
  [
    'machine tools: shell and patch run after functions, in the order of the model',
    value.throwsAtOnce('not-yet', { class: 'TypeError', message: 'shellTool is not a function' }),
  ],
  ['values: what tools returned, as JSON', value.itemJson],
  ['suspects: a question two sub-agents deep, approved', rule.waitingAgentTool],
  ['suspects: a question two sub-agents deep, rejected through a string', rule.waitingAgentTool],
  ['suspects: events of a sub-agent that is asked for approval reach onStream', rule.waitingAgentTool, rule.askedBelow],
  ['suspects: a filter that rewrites the input at each call, with a session', value.inputFilterSession],
  ['suspects: one of three tools fails, one is slow, one asks', rule.sameTick('agent_tool_end'), rule.sessionOnResume],
  ['suspects: a final tool beside a tool that asks, and after it', rule.sessionOnResume],
  ['suspects: handlers of errors, a session and a state that goes on', rule.oneSave],
];

/** Plain runs, and scenarios that have no streamed form. */
const plain: Rows = [
  ['tools: arguments that do not fit the schema, errorFunction null', rule.hookArguments],
  ['outputs: a zod object with optional, default and transform', value.optionalFields],
  ['agent tools: two sub-agents ask at once', rule.waitingAgentTool],
  ['agent tools: the state of a sub-agent that waits', rule.waitingAgentTool],
  ['approvals: a lasting decision is for the agent that asked, among sub-agents', rule.waitingAgentTool],
  ['approvals: beside stop_on_first_tool the pause wins', rule.resultsOfAReply],
  ['approvals: a pause leaves output guardrails and sessions waiting', rule.sessionOnResume],
  ['sessions: the model fails at once', rule.saved('user')],
  [
    'sessions: the model calls what is not there after a tool turn',
    rule.saved(...toolTurn, 'call call-other', 'result call-other'),
  ],
  ['sessions: the model refuses', rule.saved('user')],
  ['abort: while the model works', rule.saved('user')],
  ['retry: what a policy sees', value.retryAfter],
  [
    'models: a timeout that cannot be',
    value.throwsAtOnce('bad-options', { class: 'UserError', message: 'modelSettings.timeoutMs' }),
  ],
  [
    'tool rules: an unknown rule',
    value.throwsAtOnce('bad-options', { class: 'UserError', message: 'toolUseBehavior' }),
  ],
  ['suspects: a decision on a context, on other arguments than the call has', value.otherArguments],
  ['suspects: partly decided, through strings, with a session', rule.sessionOnResume],
  ['agents: defaults', value.noMcpOptions],
  ['agents: getters', value.endsAt('mcp tools')],
  ['agents: processFinalOutput and the name of the schema', value.processFinalOutput],
  ['values: a run context decides about tools', value.exactDecisions],
  ['values: items as JSON', value.itemJson],
  ['values: options of a runner that cannot be', value.runnerConfig],
  ['tool schemas: what a zod schema becomes', value.refused('schemas', 'record')],
  ['hooks: a listener that throws at each point', value.throwingListeners],
];

/** Streams, where they differ otherwise than plain runs. */
const streams: Rows = [
  ['abort: with a reason of its own, while a tool works', rule.abortIsTold, rule.failedCallsKept],
  ['abort: a tool that throws the reason of its signal', rule.abortedText, rule.failedCallsKept],
  ['suspects: abort while the second tool works, then resume', rule.abortedText, rule.failedCallsKept],
  ['tools: arguments that do not fit the schema, errorFunction null', rule.hookArguments, rule.failedCallsKept],
  ['tool rules: a tool and a handoff of one name', rule.toldByError, rule.currentTurn],
  ['outputs: a zod object with optional, default and transform', value.optionalFields, rule.currentTurn],
  [
    'tool rules: an unknown rule',
    value.throwsAtOnce('bad-options', { class: 'UserError', message: 'toolUseBehavior' }),
  ],
  ['turns: breaking out of a stream cancels the run', rule.abandonedStreams],
  ['tools: an unknown tool is an error', rule.failedCallsKept],
  ['tools: an unknown tool beside a known one is an error before anything runs', rule.failedCallsKept],
  ['tools: a disabled tool is not offered and not found', rule.failedCallsKept],
  ['tool rules: a function that throws, an object as final output', rule.failedCallsKept],
  ['handoffs: inputs that do not fit', rule.failedCallsKept],
  ['handoffs: a callback that throws', rule.failedCallsKept],
  ['handoffs: a filter that throws', rule.failedCallsKept],
  ['handoffs: a filter drops the tools', rule.handoffFilters],
  ['handoffs: a filter rewrites the input, the filter of the handoff beats the runner', rule.handoffFilters],
  ['handoffs: a filter and a conversation of the server exclude each other', rule.failedCallsKept],
  ['handoffs: isEnabled', rule.failedCallsKept],
  ['agent tools: two sub-agents ask at once', rule.waitingAgentTool],
  ['agent tools: an agent tool is disabled', rule.failedCallsKept],
  ['approvals: beside stop_on_first_tool the pause wins', rule.resultsOfAReply],
  ['approvals: a pause leaves output guardrails and sessions waiting', rule.sessionOnResume],
  ['guardrails: a quick parallel input check trips', rule.currentTurn],
  ['guardrails: an input check that throws, blocking and parallel', rule.currentTurn],
  ['sessions: a callback that throws or returns no list', rule.streamsBeginAtOnce],
  ['sessions: loading fails', rule.streamsBeginAtOnce],
  [
    'sessions: the model calls what is not there after a tool turn',
    rule.saved(...toolTurn, 'call call-other', 'result call-other'),
    rule.failedCallsKept,
  ],
  ['error handlers: errors of models and tools are not handled', rule.failedCallsKept],
  [
    'abort: a tool that obeys the signal',
    rule.saved('user', 'call call-look', 'call call-slow', 'result call-look', 'result call-slow'),
  ],
  ['abort: a tool that ignores the signal is waited for', rule.saved('user', 'call call-slow', 'result call-slow')],
  ['abort: between two turns', rule.saved(...toolTurn), rule.currentTurn],
  ['input filter: throws, or returns nonsense', rule.currentTurn],
  ['models: instructions that throw', rule.currentTurn],
  ['models: a model that is not there', rule.currentTurn],
  ['retry: what a policy sees', value.retryAfter],
  [
    'models: a timeout that cannot be',
    value.throwsAtOnce('bad-options', { class: 'UserError', message: 'modelSettings.timeoutMs' }),
  ],
  ['tool schemas: an output schema is checked', rule.failedCallsKept],
  ['hooks: a listener that throws at each point', value.throwingListeners, rule.currentTurn],
];

const rows = [...table(both, 'plain', 'stream'), ...table(plain, 'plain'), ...table(streams, 'stream')];

/** By case (scenario and mode). */
export const deviations: ReadonlyMap<string, readonly Deviation[]> = new Map(rows);
/** How many cases are named twice. */
export const repeated: readonly string[] = rows.map(([id]) => id).filter((id, at, ids) => ids.indexOf(id) !== at);
