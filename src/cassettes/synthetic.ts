/**
 * Makes a cassette of a run that is over or waits, from its log: a recorded run becomes a test.
 *
 * The log holds what models answered and what they were shown of the conversation; instructions, tools and settings are
 * not in it, so they are not compared. A sub-agent's own log is there only while it waits for a person: of one that has
 * ended, the output stands in for its model's answers, in one entry marked `standIn`.
 */
import { apply, type CallPlan, initialState, type Reply, type RunEvent, type State } from '../kernel/index.ts';
import type { FunctionCallItem, ModelItem } from '../protocol/items.ts';
import type { Json } from '../protocol/json.ts';
import { errorInfo, jsonOf } from '../run/errors.ts';
import { inputOf } from '../run/request.ts';
import { RunState } from '../run/run-state.ts';
import type { Journal } from '../run/record.ts';
import { redactParts } from './cassette.ts';
import { encode } from './format.ts';
import { normalInput } from './normal-form.ts';
import { createRedactor, type RedactionOptions, type Redactor } from './redaction.ts';
import { newHead, replaceFile } from './tape.ts';
import { type CassetteData, isMembers, type ModelEntry, type RequestParts } from './types.ts';

/**
 * The cassette of a run. Give it to `cassette({ data })`, or write it with `writeCassette`.
 *
 * @param state `result.state`, `error.state`, or one read by `RunState.fromString`
 */
export function cassetteOf(state: Pick<RunState, 'events'>, options: RedactionOptions = {}): CassetteData {
  const redactor = createRedactor(options);
  const journal = state instanceof RunState ? RunState.record(state).journal : undefined;
  const entries = entriesOf({ events: state.events, journal });
  const runId = journal?.runId;
  const head = { ...newHead('synthetic'), ...(runId !== undefined && { runId }) };
  return { ...head, entries: entries.map((entry) => clean(entry, redactor)) };
}

/** Writes a cassette to a file, in place of what is there. @throws CassetteError `cassette/write` */
export function writeCassette(file: string, data: CassetteData): Promise<void> {
  return replaceFile(file, encode(data));
}

function clean({ request, ...answer }: ModelEntry, redactor: Redactor): ModelEntry {
  const rest = redactor.json(jsonOf(answer)) as unknown as Omit<ModelEntry, 'request'>;
  return { ...rest, request: redactParts(request, redactor) };
}

type Log = { events: readonly RunEvent[]; journal: Journal | undefined };

function entriesOf({ events, journal }: Log): ModelEntry[] {
  // A sub-agent's place is that of its call: it is asked for before its caller is again.
  const entries: (ModelEntry | undefined)[] = [];
  const asked = new Map<string, Asked>();
  const calls = new Map<string, { made: FunctionCallItem; place: number }>();
  const filtered = events.some(isFiltered);
  let state = initialState();
  for (const event of events) {
    const stopping = state.status === 'stopping';
    state = apply(state, event);
    switch (event.type) {
      case 'effect.requested':
        if (event.effect.do === 'call_model') asked.set(event.effect.id, askedOf(state, filtered));
        break;
      case 'model.replied': {
        const { id, reply, calls: plans = [] } = event;
        entries.push({ ...headOf(asked.get(id)), ...answerOf(reply) });
        for (const [callId, made] of agentCalls(id, reply.output, plans)) {
          calls.set(callId, { made, place: entries.push(undefined) - 1 });
        }
        break;
      }
      case 'model.failed':
        entries.push(...failuresOf(event, headOf(asked.get(event.id)), stopping));
        break;
      case 'tool.returned': {
        const call = calls.get(event.id);
        if (call) entries[call.place] = standIn(call.made, event);
        break;
      }
      default:
    }
  }
  // What still waits has a log of its own.
  const waiting = journal?.hasChildren ? [...journal.children.values()] : [];
  const nested = waiting.flatMap((child) => entriesOf({ events: child.events, journal: child }));
  return [...entries.filter((entry) => entry !== undefined), ...nested];
}

type Asked = { agent: string; request: RequestParts };

/** @param filtered whether a filter changed what was sent: then the log does not say what it was */
function askedOf(state: State, filtered: boolean): Asked {
  return { agent: state.agent, request: filtered ? {} : { input: normalInput(inputOf(state)) } };
}

/** Whether `callModelInputFilter` changed what was sent: then the log does not say what that was. */
function isFiltered(event: RunEvent): boolean {
  return (event.type === 'model.replied' || event.type === 'model.failed') && event.prepared?.input !== undefined;
}

const headOf = (asked: Asked | undefined): ModelEntry => ({ kind: 'model', request: {}, ...asked });

type Failed = Extract<RunEvent, { type: 'model.failed' }>;

/** @param stopping whether the run was to end before the model answered: then nobody waits for the answer */
function failuresOf({ error, attempts }: Failed, head: ModelEntry, stopping: boolean): ModelEntry[] {
  if (stopping || error.name === 'AbortError') return [{ ...head, aborted: true }];
  // A retry loop asks again, as often as it did.
  return (attempts ?? [undefined]).map(() => ({ ...head, error: { ...error } }));
}

/** A reply as an entry has it: who answered stands beside the answer. */
function answerOf({ origin, ...reply }: Reply): Pick<ModelEntry, 'origin' | 'response'> {
  const response = jsonOf(reply);
  return { ...(origin && { origin }), ...(isMembers(response) && { response }) };
}

/** Calls of sub-agents, by the id of their effect. */
function* agentCalls(
  id: string,
  output: readonly ModelItem[],
  plans: readonly CallPlan[],
): Generator<[id: string, made: FunctionCallItem]> {
  for (const [i, { kind, at }] of plans.entries()) {
    const made = output[at];
    if (kind === 'agent' && made?.type === 'function_call') yield [`${id}/c${i}`, made];
  }
}

type Returned = Extract<RunEvent, { type: 'tool.returned' }>;

/** One answer that gives what the sub-agent gave, with the tokens of all of its calls. `undefined` if it asked nobody. */
function standIn(made: FunctionCallItem, { outcome = 'ok', text, output, usage }: Returned): ModelEntry | undefined {
  if ((outcome !== 'ok' && outcome !== 'error') || !usage || usage.requests === 0) return undefined;
  const input = plainInput(made.arguments);
  const request: RequestParts = input === undefined ? {} : { input };
  const head: ModelEntry = { kind: 'model', agent: made.name, standIn: true, request };
  if (outcome === 'error') return { ...head, error: errorInfo(new Error('The sub-agent failed.')) };
  const said = text ?? (typeof output === 'string' ? output : JSON.stringify(output ?? ''));
  const message: Json = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: said }],
  };
  return { ...head, response: { output: [message], usage: jsonOf(usage) } };
}

/** What an agent tool without a schema of its own sends: its one argument. Another tool's input is not known. */
function plainInput(argumentsText: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(argumentsText);
    if (!isMembers(value) || Object.keys(value).length !== 1 || typeof value.input !== 'string') return undefined;
    return normalInput(value.input);
  } catch {
    // A model's arguments may be anything.
    return undefined;
  }
}
