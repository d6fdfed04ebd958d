/**
 * Plays recorded conversations again through the SDK: the recorded model answers, our tools work, our agent decides
 * nothing new. Each recorded user message that was answered is one run in the conversation's session.
 */
import { join } from 'node:path';
import type { AirlineData, Conversation, ToolSpec } from './data.ts';
import { openDatabase } from './database.ts';
import type { Database, Start } from './database.ts';
import type { Keeping } from './durable.ts';
import { sameJson, tryParseJson } from './json.ts';
import { NOTE, openMoving } from './moving.ts';
import { CLOSING } from './replay-server.ts';
import type { ReplayServer } from './replay-server.ts';
import { Agent, chatModel, MemorySession, onCassette, run, SQLiteSession, tool } from './sdk.ts';
import type { AnyAgent, Model, RunContext, RunItem, Session } from './sdk.ts';
import { callTool } from './tools.ts';
import { verdict } from './verdict.ts';

/** What happens while conversations are replayed, for whoever watches. `index` names the conversation. */
export type ReplayEvent =
  | { readonly kind: 'started'; readonly index: number; readonly conversation: Conversation }
  | { readonly kind: 'user'; readonly index: number; readonly text: string }
  /** The whole text so far: a stream sends it many times. */
  | { readonly kind: 'assistant'; readonly index: number; readonly text: string }
  | { readonly kind: 'call'; readonly index: number; readonly name: string; readonly argumentsText: string }
  | { readonly kind: 'finished'; readonly index: number; readonly result: ConversationResult };

export type ReplayOptions = {
  readonly server: ReplayServer;
  /** Whether runs are streamed. */
  readonly stream: boolean;
  /** Conversations at the same time. */
  readonly concurrency: number;
  /** The SQLite file that keeps the conversations' sessions; without one they are in memory. */
  readonly dbPath?: string | undefined;
  /** Whether each answer comes from another provider than the one before it. */
  readonly move?: boolean;
  /** The folder that keeps one cassette a conversation; without one the model is asked each time. */
  readonly cassettes?: string | undefined;
  /** Keeps the runs in a log, and decides each again from it; without it they are in memory. */
  readonly keeping?: Keeping | undefined;
  readonly onEvent: (event: ReplayEvent) => void;
};

/** A tool output that is not the recorded one; `produced` is undefined where the call was never made. */
export type OutputMismatch = {
  readonly call: number;
  readonly recorded: string;
  readonly produced: string | undefined;
};

export type ConversationResult = {
  readonly conversation: Conversation;
  /** The verdict of this replay; `undefined` where it did not come to its end. */
  readonly verdict: 0 | 1 | undefined;
  readonly verdictEqual: boolean;
  /** Recorded outputs that were compared. */
  readonly toolOutputs: number;
  readonly mismatches: readonly OutputMismatch[];
  /** Calls on which Python itself raised: their output is passed through and not compared. */
  readonly passedThrough: number;
  /** The state of each run that ended, in order. */
  readonly states: readonly unknown[];
  /** Why the replay stopped early. */
  readonly failure: string | undefined;
  /** What the providers of a moving conversation answered and refused. */
  readonly moved?: { readonly answered: number; readonly refused: readonly string[] };
};

/** What the tools of one conversation work on. */
type Desk = {
  readonly database: Database;
  /** The recorded outputs, in the order of the calls. */
  readonly recorded: readonly string[];
  /** Calls so far. */
  calls: number;
  readonly passed: Set<number>;
  readonly onCall: (name: string, argumentsText: string) => void;
};

/** Replays every conversation and returns the results in their order. */
export async function replay(data: AirlineData, options: ReplayOptions): Promise<ConversationResult[]> {
  const agent = supportAgent(data, options.move === true);
  const results: ConversationResult[] = [];
  const waiting = data.conversations.entries();
  const worker = async () => {
    // The workers share one iterator, so each conversation is taken once.
    for (const [index, conversation] of waiting) {
      options.onEvent({ kind: 'started', index, conversation });
      const result = await replayWith({ agent, index, conversation, start: data.start }, options);
      results[index] = result;
      options.onEvent({ kind: 'finished', index, result });
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return results;
}

/** Replays one conversation with a model of its own. */
async function replayWith(the: Case, options: ReplayOptions): Promise<ConversationResult> {
  const { agent, index, conversation } = the;
  if (options.move !== true) {
    const mine = agent.clone({ model: modelOf(conversation, index, options) });
    return replayConversation({ ...the, agent: mine }, options);
  }
  await using moving = await openMoving(conversation, index);
  const result = await replayConversation({ ...the, agent: agent.clone({ model: moving.model }) }, options);
  return { ...result, moved: { answered: moving.answered(), refused: moving.refused } };
}

function modelOf({ task, trial }: Conversation, index: number, { server, cassettes }: ReplayOptions): Model {
  const model = chatModel(server.baseURLOf(index));
  return cassettes === undefined ? model : onCassette(model, join(cassettes, `task-${task}-trial-${trial}.json`));
}

type SupportAgent = ReturnType<typeof supportAgent>;

function supportAgent({ policy, tools }: AirlineData, move: boolean) {
  return new Agent<Desk>({
    name: 'Airline support',
    instructions: policy,
    tools: [...tools.map(airlineTool), ...(move ? [noteTool()] : [])],
    // Who is handed to a person is not answered by the model any more: so it was recorded.
    toolUseBehavior: { stopAtToolNames: ['transfer_to_human_agents'] },
  });
}

function airlineTool({ name, description, parameters }: ToolSpec) {
  return tool({
    name,
    description,
    parameters,
    strict: false,
    // The database is this process's own: what a crash cut off is gone with it.
    effect: 'idempotent',
    // A defect of this example should end the run, not become a sentence for the model.
    errorFunction: null,
    execute: (input: unknown, context?: RunContext<Desk>, details?: CallDetails): string => {
      if (context === undefined) throw new Error(`${name} was called outside of a conversation.`);
      // The text as the model wrote it still tells 50.0 from 50.
      const argumentsText = details?.toolCall?.arguments ?? JSON.stringify(input);
      return serveCall(context.context, name, argumentsText);
    },
  });
}

/** For the second call that moving providers make. */
function noteTool() {
  const properties = { text: { type: 'string' as const } };
  return tool({
    name: NOTE,
    description: 'Takes a note.',
    parameters: { type: 'object', properties, required: ['text'], additionalProperties: false },
    strict: true,
    execute: (): string => 'noted',
  });
}

type CallDetails = { toolCall?: { arguments: string } };

function serveCall(desk: Desk, name: string, argumentsText: string): string {
  desk.onCall(name, argumentsText);
  const call = desk.calls;
  desk.calls += 1;
  const { output, raised } = callTool(desk.database, name, argumentsText);
  const recorded = desk.recorded[call];
  if (!raised || recorded === undefined || !isPythonMessage(recorded)) return output;
  desk.passed.add(call);
  return recorded;
}

// How the sentences begin that the tools themselves answer with. After `Error: ` everything else is Python's.
const OWN_SENTENCES = [
  'user ',
  'reservation ',
  'payment ',
  'certificate ',
  'gift card ',
  'flight ',
  'not enough ',
  'number of passengers ',
  'invalid characters ',
].map((beginning) => `Error: ${beginning}`);

/** Whether a recorded output is what Python raised, not what a tool answered. */
export const isPythonMessage = (output: string): boolean =>
  output.startsWith('Error: ') && !OWN_SENTENCES.some((beginning) => output.startsWith(beginning));

/** Equality of tool outputs: JSON by value, everything else exactly. */
export function sameOutput(recorded: string, produced: string | undefined): boolean {
  const value = tryParseJson(recorded);
  if (value === undefined || produced === undefined) return recorded === produced;
  return sameJson(value, tryParseJson(produced));
}

type Case = {
  readonly agent: SupportAgent;
  readonly index: number;
  readonly conversation: Conversation;
  readonly start: Start;
};

async function replayConversation(the: Case, options: ReplayOptions): Promise<ConversationResult> {
  const { conversation, index } = the;
  const recorded = conversation.messages.flatMap((message) => (message.role === 'tool' ? [message.output] : []));
  const desk: Desk = {
    database: openDatabase(the.start),
    recorded,
    calls: 0,
    passed: new Set(),
    onCall: (name, argumentsText) => options.onEvent({ kind: 'call', index, name, argumentsText }),
  };
  const conduct = await converse(the, desk, options);

  const mismatches = recorded.flatMap((output, call) => {
    const produced = conduct.outputs[call];
    return desk.passed.has(call) || sameOutput(output, produced) ? [] : [{ call, recorded: output, produced }];
  });
  const came = conduct.failure === undefined;
  const reached = came ? verdict(conversation.goal, { ...desk, ...conduct }, openDatabase(the.start)) : undefined;
  return {
    conversation,
    verdict: reached,
    verdictEqual: reached === conversation.reward,
    toolOutputs: recorded.length - desk.passed.size,
    mismatches,
    passedThrough: desk.passed.size,
    states: conduct.states,
    failure: conduct.failure ?? surplus(conduct.outputs.length, recorded.length),
  };
}

const surplus = (made: number, recorded: number): string | undefined =>
  made > recorded ? `The run made ${made} tool calls, the recording has ${recorded}.` : undefined;

type Conduct = { outputs: string[]; texts: string[]; states: unknown[]; failure: string | undefined };

async function converse(the: Case, desk: Desk, options: ReplayOptions): Promise<Conduct> {
  const { dbPath } = options;
  if (dbPath === undefined) return converseIn(the, { ...options, session: new MemorySession(), desk });
  await using session = new SQLiteSession(`conversation ${the.index}`, { dbPath });
  // The file may be of an earlier replay.
  await session.clearSession();
  return await converseIn(the, { ...options, session, desk });
}

/** One run for each recorded user message that was answered; the last one often only ends the recording. */
async function converseIn(the: Case, settings: RunSettings): Promise<Conduct> {
  const { messages } = the.conversation;
  const conduct: Conduct = { outputs: [], texts: [], states: [], failure: undefined };
  for (const [position, message] of messages.entries()) {
    if (message.role !== 'user' || messages[position + 1] === undefined) continue;
    settings.onEvent({ kind: 'user', index: the.index, text: message.text });
    try {
      const result = await runOnce(the, { text: message.text, position }, settings);
      await settings.keeping?.check(the.index, position, the.agent as AnyAgent);
      conduct.states.push(result.state);
      conduct.outputs.push(...result.newItems.flatMap(outputOf));
      const text = saidLast(result);
      if (text !== undefined) conduct.texts.push(text);
      if (text !== undefined) settings.onEvent({ kind: 'assistant', index: the.index, text });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...conduct, failure: `Message ${position}: ${reason}` };
    }
  }
  return conduct;
}

type RunSettings = ReplayOptions & { readonly session: Session; readonly desk: Desk };

type Said = { text: string; position: number };

async function runOnce({ agent, index }: Case, { text, position }: Said, settings: RunSettings) {
  const { stream, session, desk, keeping, onEvent } = settings;
  const durable = keeping?.option(index, position);
  const options = { session, context: desk, maxTurns: 200, ...(durable && { durable }) };
  if (!stream) return run(agent, text, options);
  const streamed = await run(agent, text, { ...options, stream: true });
  let said = '';
  for await (const event of streamed) {
    if (event.type !== 'raw_model_stream_event') continue;
    if (event.data.type === 'response_started') said = '';
    if (event.data.type !== 'output_text_delta') continue;
    said += event.data.delta;
    onEvent({ kind: 'assistant', index, text: said });
  }
  await streamed.completed;
  return streamed;
}

export function outputOf(item: RunItem): string[] {
  if (item.type !== 'tool_call_output_item') return [];
  if ('name' in item.rawItem && item.rawItem.name === NOTE) return [];
  return [typeof item.output === 'string' ? item.output : JSON.stringify(item.output)];
}

/** What the run said to the customer: its last message, unless a tool ended the run or the recording did. */
export function saidLast(result: { newItems: RunItem[]; finalOutput?: unknown }): string | undefined {
  const { finalOutput } = result;
  if (result.newItems.at(-1)?.type !== 'message_output_item') return undefined;
  return typeof finalOutput === 'string' && finalOutput !== CLOSING ? finalOutput : undefined;
}
