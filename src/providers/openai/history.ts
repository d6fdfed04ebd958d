/** Histories that other models wrote in part, and whose word an answer is. */
import { isForeignTo, ownershipOf } from '../../model/projection/ownership.ts';
import type { HistoryCapabilities, HistoryTarget } from '../../model/projection/target.ts';
import type { AgentInputItem, AgentOutputItem, Origin, ProviderData } from '../../protocol/items.ts';
import type { ModelRequest } from '../../protocol/model.ts';

/** Who answers: histories of others are made to fit it, and its answers are marked with it. */
export type OpenAIModelIdentity = {
  /** Who answers, for a gateway: what one provider's models thought means nothing to another. @default 'openai' */
  provider?: string;
  /** A label of the credential (never the key), where thoughts are bound to it. */
  project?: string;
  /** What histories may hold, where the server is not OpenAI's. */
  history?: HistoryCapabilities;
  /** The model's own name, where the server knows it by another one, such as a deployment's. @default the name asked for */
  servedModel?: string;
};

/** The target of a model's histories, and the origin of its answers. */
export function targetFor(
  wire: 'openai-responses' | 'openai-chat',
  name: string,
  { provider = 'openai', project, history, servedModel: model = name }: OpenAIModelIdentity,
): { target: HistoryTarget; origin: Origin } {
  const who = { provider, model, ...(project !== undefined && { project }) };
  return {
    target: { wire, ...who, ...(history && { capabilities: history }) },
    origin: Object.freeze({ ...who, api: wire }),
  };
}

/**
 * The request, its history made valid for the target where another model had a part in it, or where a call and its
 * result do not meet. Any other is sent as it is: looking at it is all that it costs.
 */
export async function fitHistory(request: ModelRequest, target: HistoryTarget): Promise<ModelRequest> {
  const { input, previousResponseId, conversationId } = request;
  if (typeof input === 'string') return request;
  const stateful =
    target.wire === 'openai-responses' && (previousResponseId !== undefined || conversationId !== undefined);
  if (!input.some((item) => isForeignTo(item, target)) && isPaired(input, { target, stateful })) return request;
  // Loaded late: most programs never move a conversation.
  const { project } = await import('../../model/projection/late.ts');
  const { items } = project(input, { ...target, ...(stateful && { stateful }) }, ownershipOf);
  return { ...request, input: items };
}

/**
 * Whether each call of a function has its result behind it, and each result its call. Chat Completions wants nobody to
 * speak in between. Where the server holds the conversation, it may know the call.
 */
function isPaired(
  input: readonly AgentInputItem[],
  { target, stateful }: { target: HistoryTarget; stateful: boolean },
): boolean {
  const open = new Set<string>();
  for (const item of input) {
    if (item.type === 'function_call') {
      if (open.has(item.callId)) return false;
      open.add(item.callId);
    } else if (item.type === 'function_call_result') {
      if (!open.delete(item.callId) && !stateful) return false;
    } else if (open.size > 0 && target.wire === 'openai-chat' && 'role' in item && item.role !== 'assistant') {
      return false;
    }
  }
  return open.size === 0;
}

/** Marks what a model answered as its own, where something on it tells more than its words. The items were just made. */
export function marked(output: AgentOutputItem[], origin: Origin): AgentOutputItem[] {
  for (const item of output) if (!isPlain(item)) item.origin = origin;
  return output;
}

/**
 * Words and calls of Chat Completions with nothing on them that only their maker can read: their id tells the wire, and
 * logs and sessions would grow by a tenth for no use.
 */
function isPlain(item: AgentOutputItem): boolean {
  if (item.type !== 'message' && item.type !== 'function_call') return false;
  if (item.providerData !== undefined || item.id?.startsWith('chatcmpl') !== true) return false;
  if (item.type === 'function_call' || typeof item.content === 'string') return true;
  return item.content.every((part: { providerData?: ProviderData }) => part.providerData === undefined);
}
