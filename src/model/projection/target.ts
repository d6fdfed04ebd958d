/** Where a history goes, and what that place takes. */
import type { AgentInputItem } from '../../protocol/items.ts';

/**
 * The wires that a history can be made valid for. `gemini` is Google's, spoken through an AI SDK model; `ai-sdk` is any
 * other AI SDK model, held to what the strictest of them takes.
 */
export type HistoryWire = 'openai-responses' | 'openai-chat' | 'anthropic' | 'gemini' | 'ai-sdk';

/** What the target takes. Each has a default by wire, written beside it. */
export type HistoryCapabilities = {
  /** Images in messages. @default true */
  images?: boolean;
  /** Documents in messages. @default true */
  files?: boolean;
  /** Sound in messages. @default true on openai-chat, gemini and ai-sdk */
  audio?: boolean;
  /** Images and documents in tool results; else they follow as a user message. @default responses and anthropic */
  toolResultMedia?: boolean;
  /** System messages after the first other message; else they become user notes. @default both OpenAI wires */
  lateSystem?: boolean;
  /** The longest call id. @default 64 */
  callIdMax?: number;
  /** Call ids are exactly `callIdMax` letters and digits, as Mistral demands. @default false */
  callIdExact?: boolean;
  /** The longest tool name. @default 64, on anthropic 128 */
  toolNameMax?: number;
};

export type HistoryTarget = {
  wire: HistoryWire;
  /** Who will answer: `openai`, `anthropic`, `openrouter`. What another one said loses what only that one can read. */
  provider: string;
  model: string;
  /** Label of the credential, where reasoning is bound to it. Compared with `origin.project`. */
  project?: string;
  capabilities?: HistoryCapabilities;
  /** What becomes of another origin's readable reasoning. `text` shows it to the model as words it said. @default 'drop' */
  reasoning?: 'drop' | 'text';
  /** The server holds earlier items (`previousResponseId`, `conversationId`): results without a call are meant. */
  stateful?: boolean;
};

export type HistoryWarningCode =
  | 'reasoning_dropped'
  | 'item_dropped'
  | 'item_rewritten'
  | 'call_id_changed'
  | 'tool_name_changed'
  | 'arguments_wrapped'
  | 'orphan_call_answered'
  | 'orphan_result_dropped'
  | 'system_moved'
  | 'items_moved'
  | 'media_replaced'
  | 'media_moved'
  | 'empty_dropped'
  | 'message_added';

/** Something that the target could not be sent as it was. `index` is the item's place in the input. */
export type HistoryWarning = { code: HistoryWarningCode; message: string; index?: number };

export type ProjectedHistory = { items: AgentInputItem[]; warnings: HistoryWarning[] };

/** An item on its way, and where it stood. */
export type Entry = { readonly item: AgentInputItem; readonly index: number };

/** Whose an item is: the target's own, another's, or nothing tells. */
export type Ownership = 'own' | 'foreign' | 'unknown';
export type OwnershipOf = (item: AgentInputItem, target: HistoryTarget) => Ownership;

/** What every pass of the projection knows. */
export type Context = {
  readonly target: HistoryTarget;
  readonly can: Required<HistoryCapabilities>;
  /** Native items (computer, shell, patch) have a form of their own, results may stand anywhere after their call. */
  readonly native: boolean;
  readonly ownerOf: (item: AgentInputItem) => Ownership;
  readonly warn: (code: HistoryWarningCode, index: number, message: string) => void;
};

type Given = { warnings: HistoryWarning[]; ownershipOf: OwnershipOf };

export function contextOf(target: HistoryTarget, { warnings, ownershipOf }: Given): Context {
  const { wire } = target;
  const openai = wire === 'openai-responses' || wire === 'openai-chat';
  const defaults: Required<HistoryCapabilities> = {
    images: true,
    files: true,
    audio: wire === 'openai-chat' || wire === 'gemini' || wire === 'ai-sdk',
    toolResultMedia: wire === 'openai-responses' || wire === 'anthropic',
    lateSystem: openai,
    callIdMax: 64,
    callIdExact: false,
    toolNameMax: wire === 'anthropic' ? 128 : 64,
  };
  return {
    target,
    can: { ...defaults, ...target.capabilities },
    native: wire === 'openai-responses',
    ownerOf: (item) => ownershipOf(item, target),
    warn: (code, index, message) => void warnings.push({ code, message, ...(index >= 0 && { index }) }),
  };
}

/** Whether an item is the model's own speech, a call included. */
export function isModelSide(item: AgentInputItem): boolean {
  switch (item.type) {
    case undefined:
    case 'message':
      return item.role === 'assistant';
    case 'function_call':
    case 'computer_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'program':
    case 'hosted_tool_call':
    case 'tool_search_call':
    case 'tool_search_output':
    case 'reasoning':
    case 'compaction':
    case 'unknown':
      return true;
    case 'function_call_result':
    case 'computer_call_result':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'program_output':
      return false;
  }
}
