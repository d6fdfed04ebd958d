/**
 * What another model, or another wire, said: reasoning is dropped, calls of special tools become calls of functions,
 * what ran on another provider's servers becomes a sentence.
 */
import type {
  AgentInputItem,
  AssistantMessageItem,
  FunctionCallItem,
  FunctionCallResultItem,
  HostedToolCallItem,
  Origin,
  ReasoningItem,
  ToolSearchCallItem,
  ToolSearchOutputItem,
} from '../../protocol/items.ts';
import { scrub } from './scrub.ts';
import type { Context, Entry, Ownership } from './target.ts';

/** A long output of another provider's tool is cut here: it was never meant to be read as a whole. */
const SUMMARY_MAX = 2000;

/** Makes every item one that the target knows, or drops it. */
export function translate(entries: readonly Entry[], context: Context): Entry[] {
  const kept: Entry[] = [];
  for (const { item, index } of entries) {
    const owner = context.ownerOf(item);
    const translated = translateItem(item, { context, owner, index });
    if (translated) kept.push({ item: translated, index });
  }
  return kept;
}

type Place = { context: Context; owner: Ownership; index: number };

function translateItem(item: AgentInputItem, place: Place): AgentInputItem | undefined {
  const { context, owner, index } = place;
  const foreign = owner === 'foreign';
  switch (item.type) {
    case 'reasoning':
      return owner === 'own' ? item : foreignReasoning(item, place);
    case 'hosted_tool_call':
      return keepsHosted(place) ? item : hostedSummary(item, place);
    case 'tool_search_call':
    case 'tool_search_output':
    case 'compaction':
    case 'unknown':
      if (!foreign && isAtHome(item, context)) return item;
      context.warn('item_dropped', index, `A "${item.type}" item of another provider cannot be sent here.`);
      return undefined;
    case 'computer_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'program':
    case 'computer_call_result':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'program_output':
      if (context.native && !foreign) return item;
      context.warn('item_rewritten', index, `A "${item.type}" item is sent as a function call or its result.`);
      return asFunction(item);
    case 'function_call':
    case 'function_call_result':
      return flatten(foreign ? scrub(item) : item, context);
    case 'message':
    case undefined:
      return foreign ? scrub(item) : item;
  }
}

/** Only the wire that makes these items knows them. */
function isAtHome({ type }: AgentInputItem, { native, target }: Context): boolean {
  return native || (type === 'unknown' && (target.wire === 'openai-chat' || target.wire === 'anthropic'));
}

function keepsHosted({ context, owner }: Place): boolean {
  if (owner === 'foreign') return false;
  return context.native || (context.target.wire === 'anthropic' && owner === 'own');
}

function foreignReasoning(item: ReasoningItem, { context, index }: Place): AgentInputItem | undefined {
  const { content, rawContent = [], origin } = item;
  const parts = content.length > 0 ? content : rawContent;
  const text = parts
    .map((part) => part.text)
    .join('\n')
    .trim();
  if (context.target.reasoning === 'text' && text !== '') {
    context.warn('item_rewritten', index, 'Reasoning of another model is sent as text.');
    return say(text, origin);
  }
  context.warn('reasoning_dropped', index, 'Reasoning of another model was left out: only that model can read it.');
  return undefined;
}

function hostedSummary(item: HostedToolCallItem, { context, index }: Place): AgentInputItem | undefined {
  const { name, arguments: args, output } = item;
  const said = output === undefined ? '' : `: ${output.slice(0, SUMMARY_MAX)}`;
  if (said === '' && (args === undefined || args === '')) {
    context.warn('item_dropped', index, `A call of the hosted tool "${name}" was left out: it has no readable output.`);
    return undefined;
  }
  context.warn('item_rewritten', index, `A call of the hosted tool "${name}" is sent as text.`);
  const asked = args === undefined || args === '' ? '' : ` with ${args.slice(0, SUMMARY_MAX)}`;
  return say(`(The tool ${name} was used${asked}${said})`, item.origin);
}

function say(text: string, origin: Origin | undefined): AssistantMessageItem {
  const content: AssistantMessageItem['content'] = [{ type: 'output_text', text }];
  return { type: 'message', role: 'assistant', status: 'completed', content, ...(origin && { origin }) };
}

/** Only the Responses API has namespaces and callers; elsewhere they are part of the name, or nothing. */
function flatten<T extends FunctionCallItem | FunctionCallResultItem>(item: T, { native }: Context): T {
  if (native || (item.namespace === undefined && item.caller === undefined)) return item;
  const { namespace, caller: _, ...rest } = item;
  return { ...rest, ...(namespace !== undefined && { name: `${namespace}.${item.name}` }) } as T;
}

type Special = Exclude<
  Extract<AgentInputItem, { callId: string }>,
  FunctionCallItem | FunctionCallResultItem | ToolSearchCallItem | ToolSearchOutputItem
>;

/** A call of a special tool, or its result, as the call of a function that does the same. */
function asFunction(item: Special): FunctionCallItem | FunctionCallResultItem {
  const shared = { callId: item.callId, ...(item.origin && { origin: item.origin }) };
  const call = (name: string, args: object): FunctionCallItem => ({
    type: 'function_call',
    name,
    ...shared,
    arguments: JSON.stringify(args),
    status: 'completed',
  });
  const result = (name: string, output: FunctionCallResultItem['output']): FunctionCallResultItem => ({
    type: 'function_call_result',
    name,
    ...shared,
    status: 'completed',
    output,
  });
  switch (item.type) {
    case 'computer_call':
      return call('computer', { actions: item.actions ?? (item.action ? [item.action] : []) });
    case 'shell_call':
      return call('shell', item.action);
    case 'apply_patch_call':
      return call('apply_patch', item.operation);
    case 'program':
      return call('program', { code: item.code });
    case 'computer_call_result':
      return result('computer', [{ type: 'input_image', image: item.output.data }]);
    case 'shell_call_output':
      return result('shell', item.output.map(shellText).join('\n'));
    case 'apply_patch_call_output':
      return result('apply_patch', item.output ?? item.status);
    case 'program_output':
      return result('program', item.output);
  }
}

type ShellOutput = Extract<AgentInputItem, { type: 'shell_call_output' }>['output'][number];

function shellText({ stdout, stderr, outcome }: ShellOutput): string {
  const end = outcome.type === 'timeout' ? '(timed out)' : outcome.exitCode ? `(exit code ${outcome.exitCode})` : '';
  return [stdout, stderr, end].filter((text) => text !== '').join('\n');
}
