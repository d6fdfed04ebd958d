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
import type { UsageData } from '../protocol/model.ts';
import { errorInfo, jsonOf } from '../run/errors.ts';
import { inputOf } from '../run/request.ts';
import { RunState } from '../run/run-state.ts';
import type { Journal } from '../run/record.ts';
import { redactParts } from './cassette.ts';
import { encode } from './format.ts';
import { normalInput } from './normal-form.ts';
import { createRedactor, type RedactionOptions, type Redactor } from './redaction.ts';
import { isMembers } from './stored.ts';
import { newHead, replaceFile } from './tape.ts';
import type { CassetteData, ModelEntry, RequestParts } from './types.ts';

/**
 * The cassette of a run. Give it to `cassette({ data })`, or write it with `writeCassette`.
 *
 * @param state `result.state`, `error.state`, or one read by `RunState.fromString`
 */
export function cassetteOf(state: Pick<RunState, 'events'>, options: RedactionOptions = {}): CassetteData {
  const redactor = createRedactor(options);
  const journal = state instanceof RunState ? RunState.record(state).journal : undefined;
  const entries = entriesOf({ events: state.events, journal });
  return { ...newHead('synthetic'), entries: entries.map((entry) => clean(entry, redactor)) };
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
  const entries: ModelEntry[] = [];
  const asked = new Map<string, { agent: string; request: RequestParts }>();
  const calls = new Map<string, Call>();
  let state = initialState();
  for (const event of events) {
    state = apply(state, event);
    switch (event.type) {
      case 'effect.requested':
        if (event.effect.do === 'call_model') asked.set(event.effect.id, askedOf(state));
        break;
      case 'model.replied': {
        const { reply, prepared, calls: plans = [] } = event;
        entries.push({ ...headOf(asked.get(event.id), prepared?.input !== undefined), ...answerOf(reply) });
        for (const [id, call] of agentCalls(event.id, reply.output, plans)) calls.set(id, call);
        break;
      }
      case 'model.failed': {
        const head = headOf(asked.get(event.id), event.prepared?.input !== undefined);
        if (event.error.name === 'AbortError') entries.push({ ...head, aborted: true });
        // A retry loop asks again, as often as it did.
        else for (const _ of event.attempts ?? [event]) entries.push({ ...head, error: { ...event.error } });
        break;
      }
      case 'tool.returned': {
        const call = calls.get(event.id);
        if (call) entries.push(standIn(call, event));
        calls.delete(event.id);
        break;
      }
      default:
    }
  }
  // What still waits has a log of its own.
  const waiting = journal?.hasChildren ? [...journal.children.values()] : [];
  return [...entries, ...waiting.flatMap((child) => entriesOf({ events: child.events, journal: child }))];
}

function askedOf(state: State): { agent: string; request: RequestParts } {
  return { agent: state.agent, request: { input: normalInput(inputOf(state)) } };
}

/** @param filtered whether a filter changed what was sent: then the log does not say what it was */
function headOf(asked: { agent: string; request: RequestParts } | undefined, filtered: boolean): ModelEntry {
  if (!asked) return { kind: 'model', request: {} };
  return { kind: 'model', agent: asked.agent, request: filtered ? {} : asked.request };
}

/** A reply as an entry has it: who answered stands beside the answer. */
function answerOf({ origin, ...reply }: Reply): Pick<ModelEntry, 'origin' | 'response'> {
  const response = jsonOf(reply);
  return { ...(origin && { origin }), ...(isMembers(response) && { response }) };
}

type Call = { made: FunctionCallItem };

/** Calls of sub-agents, by the id of their effect. */
function* agentCalls(
  id: string,
  output: readonly ModelItem[],
  plans: readonly CallPlan[],
): Generator<[id: string, call: Call]> {
  for (const [i, { kind, at }] of plans.entries()) {
    const made = output[at];
    if (kind === 'agent' && made?.type === 'function_call') yield [`${id}/c${i}`, { made }];
  }
}

type Returned = Extract<RunEvent, { type: 'tool.returned' }>;

/** One answer that gives what the sub-agent gave, with the tokens of all of its calls. */
function standIn({ made }: Call, { outcome, text, output, usage }: Returned): ModelEntry {
  const input = plainInput(made.arguments);
  const head: ModelEntry = {
    kind: 'model',
    agent: made.name,
    standIn: true,
    request: input === undefined ? {} : { input },
  };
  if (outcome === 'error' && usage !== undefined)
    return { ...head, error: errorInfo(new Error('The sub-agent failed.')) };
  const said = text ?? (typeof output === 'string' ? output : JSON.stringify(output ?? ''));
  const message: Json = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: said }],
  };
  return { ...head, response: { output: [message], usage: jsonOf(usage ?? NO_USAGE) } };
}

const NO_USAGE: UsageData = { requests: 0, inputTokens: 0, outputTokens: 0, totalTokens: 0 };

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
