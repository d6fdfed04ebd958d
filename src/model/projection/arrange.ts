/**
 * The order of items: each turn of the model, then the results of its calls in the order of the calls, then whatever
 * somebody said in between.
 */
import type {
  AgentInputItem,
  FunctionCallResultItem,
  InputFile,
  InputImage,
  UserMessageItem,
} from '../../protocol/items.ts';
import { isCall, isResult, madeUpResult, type Pairs } from './calls.ts';
import { partsOf } from './media.ts';
import { isModelSide, type Context, type Entry } from './target.ts';

type Settled = { entries: readonly Entry[]; pairs: Pairs; context: Context };

/** Answers orphans and drops strays; where the wire wants it, groups results behind their turn. */
export function arrange(settled: Settled): Entry[] {
  const arranged = settled.context.native ? inPlace(settled) : grouped(settled);
  const moved = arranged.find(({ index }, at) => index >= 0 && index < (arranged[at - 1]?.index ?? -1));
  if (moved) settled.context.warn('items_moved', moved.index, 'Calls and results were put into the order of the wire.');
  return arranged;
}

/** The Responses API finds an output anywhere after its call. */
function inPlace({ entries, pairs, context }: Settled): Entry[] {
  const arranged: Entry[] = [];
  for (const [at, entry] of entries.entries()) {
    const { item } = entry;
    if (isResult(item)) {
      const found = pairs.byResult.get(at);
      if (found ? found.callAt < at : keepsStray(entry, context)) arranged.push(entry);
      continue;
    }
    if (!isCall(item)) {
      arranged.push(entry);
      continue;
    }
    const resultAt = pairs.byCall.get(at)?.resultAt;
    const answer = resultAt === undefined ? answerFor(entry, context) : undefined;
    if (resultAt === undefined && !answer) continue;
    arranged.push(entry);
    if (answer) arranged.push(answer);
    const early = resultAt !== undefined && resultAt < at ? entries[resultAt] : undefined;
    if (early) arranged.push(early);
  }
  return arranged;
}

/** A result without a call. The server may know the call, where it keeps the conversation. */
function keepsStray({ index }: Entry, { target, warn }: Context): boolean {
  if (target.stateful) return true;
  warn('orphan_result_dropped', index, 'A result without its call was left out.');
  return false;
}

function answerFor({ item, index }: Entry, { warn }: Context): Entry | undefined {
  const made = isCall(item) ? madeUpResult(item) : undefined;
  if (made) warn('orphan_call_answered', index, 'A call without a result is answered: not executed.');
  else warn('item_dropped', index, `A "${String(item.type)}" item without a result was left out.`);
  return made && { item: made, index };
}

function grouped({ entries, pairs, context }: Settled): Entry[] {
  const arranged: Entry[] = [];
  let turn: { entry: Entry; at: number }[] = [];
  const flush = (): void => {
    if (turn.length > 0) arranged.push(...wholeTurn(turn, { entries, pairs, context }));
    turn = [];
  };
  for (const [at, entry] of entries.entries()) {
    if (isResult(entry.item)) {
      const found = pairs.byResult.get(at);
      if (!found) {
        if (keepsStray(entry, context)) {
          flush();
          arranged.push(...withMediaAfter([entry], context));
        }
      } else if (turn.some((each) => each.at === found.callAt)) flush();
    } else if (isModelSide(entry.item)) turn.push({ entry, at });
    else {
      flush();
      arranged.push(entry);
    }
  }
  flush();
  return arranged;
}

function wholeTurn(turn: readonly { entry: Entry; at: number }[], { entries, pairs, context }: Settled): Entry[] {
  const results: Entry[] = [];
  for (const { entry, at } of turn) {
    if (!isCall(entry.item)) continue;
    const resultAt = pairs.byCall.get(at)?.resultAt;
    const answer = resultAt === undefined ? answerFor(entry, context) : entries[resultAt];
    if (answer) results.push(answer);
  }
  return [
    ...callsLast(
      turn.map(({ entry }) => entry),
      context,
    ),
    ...withMediaAfter(results, context),
  ];
}

/** What is signed may not be reordered. Everywhere else calls end a turn, since their results must follow. */
function callsLast(turn: Entry[], { target }: Context): Entry[] {
  const signed = target.wire === 'anthropic' && turn.some(({ item }) => item.type === 'reasoning');
  const firstCall = turn.findIndex(({ item }) => isCall(item));
  if (signed || firstCall < 0 || turn.slice(firstCall).every(({ item }) => isCall(item))) return turn;
  return [...turn.filter(({ item }) => !isCall(item)), ...turn.filter(({ item }) => isCall(item))];
}

/** Where results carry text only, their images follow as a message of the user, behind all results. */
function withMediaAfter(results: Entry[], { can, warn }: Context): Entry[] {
  if (can.toolResultMedia) return results;
  const arranged: Entry[] = [];
  const content: Exclude<UserMessageItem['content'], string> = [];
  for (const { item, index } of results) {
    const split = item.type === 'function_call_result' ? splitMedia(item) : undefined;
    arranged.push(split ? { item: split.item, index } : { item, index });
    if (!split) continue;
    warn('media_moved', index, 'Images or files of a tool result follow as a message of the user.');
    content.push({ type: 'input_text', text: `<tool_output tool="${split.item.name}">` }, ...split.media);
    content.push({ type: 'input_text', text: '</tool_output>' });
  }
  if (content.length > 0) arranged.push({ item: { type: 'message', role: 'user', content }, index: -1 });
  return arranged;
}

function splitMedia(
  item: FunctionCallResultItem,
): { item: FunctionCallResultItem; media: (InputImage | InputFile)[] } | undefined {
  const parts = partsOf(item.output);
  const media = parts?.filter((part): part is InputImage | InputFile => part.type !== 'input_text') ?? [];
  if (!parts || media.length === 0) return undefined;
  const text = parts.flatMap((part) => (part.type === 'input_text' ? [part.text] : [])).join('\n');
  const output = text === '' ? '(see the message that follows)' : text;
  return { item: { ...item, output }, media };
}

/** What the frame of a conversation is made of, where the history lacks it. */
const note = (text: string): AgentInputItem => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});

/** A conversation has something in it; on some wires the user begins it, and has the last word. */
export function frame(entries: Entry[], { target, warn }: Context): Entry[] {
  const { wire, stateful = false } = target;
  const spoken = (each: Entry): boolean => !('role' in each.item && each.item.role === 'system');
  const said = entries.filter(spoken);
  const strict = wire !== 'openai-responses' && wire !== 'openai-chat';
  if (said.length === 0) {
    if (stateful || (entries.length > 0 && !strict)) return entries;
    warn('message_added', -1, 'The conversation was empty: the user says "Continue."');
    return [...entries, { item: note('Continue.'), index: -1 }];
  }
  if (!strict) return entries;
  const [first, last] = [said[0], said.at(-1)];
  const framed = [...entries];
  if (last && isModelSide(last.item)) {
    warn('message_added', -1, 'The conversation ended with the model: the user says "Continue."');
    framed.push({ item: note('Continue.'), index: -1 });
  }
  if (first && isModelSide(first.item)) {
    warn('message_added', -1, 'The conversation began with the model: a message of the user was put before it.');
    framed.splice(entries.indexOf(first), 0, { item: note('(The conversation begins.)'), index: -1 });
  }
  return framed;
}
