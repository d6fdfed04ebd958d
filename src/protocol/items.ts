/**
 * Conversation items: what users, models and tools say to each other, as plain JSON.
 *
 * The shapes are those that users of `@openai/agents` know (camelCase, `callId`, `providerData`).
 * An item whose type is not known is kept as `unknown` and passed on, never lost.
 */

/** Data that a provider attached; kept verbatim for the same provider, ignored by others. */
export type ProviderData = Record<string, unknown>;

/**
 * Whose reply something is. Reasoning, signatures and ids are valid for the same origin only. `api` is the wire, such
 * as `openai-responses`; `project` is a label of the credential (never the key) where data is bound to it.
 */
export type Origin = { provider: string; api: string; model: string; project?: string };

type Shared = { providerData?: ProviderData };
/** `origin` is set on what a model said. No wire has such a member: it stays with the item. */
type ItemBase = Shared & { id?: string; origin?: Origin };

export type ToolCaller = { type: 'direct' } | { type: 'program'; callerId: string };
type PromptCacheBreakpoint = { mode: 'explicit' };
type Cacheable = { promptCacheBreakpoint?: PromptCacheBreakpoint };
export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

// Content parts

export type InputText = Shared & Cacheable & { type: 'input_text'; text: string };
/** `image` is a URL, a data URL, or the id of an uploaded file. */
export type InputImage = Shared & Cacheable & { type: 'input_image'; image?: string | { id: string }; detail?: string };
/** `file` is a data URL, an uploaded file's id, or a URL. */
export type InputFile = Shared &
  Cacheable & { type: 'input_file'; file?: string | { id: string } | { url: string }; filename?: string };
export type AudioContent = Shared &
  Cacheable & { type: 'audio'; audio: string | { id: string }; format?: string | null; transcript?: string | null };
export type ImageContent = Shared & { type: 'image'; image: string };
export type OutputText = Shared & { type: 'output_text'; text: string };
export type Refusal = Shared & { type: 'refusal'; refusal: string };
export type ReasoningText = Shared & { type: 'reasoning_text'; text: string };

export type UserContent = InputText | InputImage | InputFile | AudioContent;
export type AssistantContent = OutputText | Refusal | AudioContent | ImageContent;

export type ToolOutputText = Shared & { type: 'text'; text: string };
export type ToolOutputImage = Shared & {
  type: 'image';
  image?: string | { data: string | Uint8Array; mediaType?: string } | { url: string } | { fileId: string };
  detail?: 'low' | 'high' | 'auto' | (string & {});
};
export type ToolOutputFileContent = Shared & {
  type: 'file';
  file:
    | string
    | { data: string | Uint8Array; mediaType: string; filename: string }
    | { url: string; filename?: string }
    | { id: string; filename?: string };
};
export type ToolCallStructuredOutput = InputText | InputImage | InputFile;
export type ToolCallOutputContent = ToolOutputText | ToolOutputImage | ToolOutputFileContent;

// Messages

export type UserMessageItem = ItemBase & { type?: 'message'; role: 'user'; content: string | UserContent[] };
export type SystemMessageItem = ItemBase & { type?: 'message'; role: 'system'; content: string };
export type AssistantMessageItem = ItemBase & {
  type?: 'message';
  role: 'assistant';
  status: ItemStatus;
  content: AssistantContent[];
  phase?: 'commentary' | 'final_answer';
};
export type MessageItem = UserMessageItem | SystemMessageItem | AssistantMessageItem;

// Tools

export type FunctionCallItem = ItemBase & {
  type: 'function_call';
  callId: string;
  name: string;
  /** JSON text, as the model wrote it. It may be invalid. */
  arguments: string;
  namespace?: string;
  status?: ItemStatus;
  caller?: ToolCaller;
};
export type FunctionCallResultItem = ItemBase & {
  type: 'function_call_result';
  callId: string;
  name: string;
  status: ItemStatus;
  output: string | ToolCallOutputContent | ToolCallStructuredOutput[];
  namespace?: string;
  caller?: ToolCaller;
};
/** A tool that ran on the provider's side, such as a web search. */
export type HostedToolCallItem = ItemBase & {
  type: 'hosted_tool_call';
  name: string;
  arguments?: string;
  status?: string;
  output?: string;
  caller?: ToolCaller;
};

type Point = { x: number; y: number };
export type ComputerAction =
  | { type: 'screenshot' }
  | ({ type: 'click'; button: 'left' | 'right' | 'wheel' | 'back' | 'forward' } & Point)
  | ({ type: 'double_click' } & Point)
  | ({ type: 'scroll'; scroll_x: number; scroll_y: number } & Point)
  | { type: 'type'; text: string }
  | { type: 'wait' }
  | ({ type: 'move' } & Point)
  | { type: 'keypress'; keys: string[] }
  | { type: 'drag'; path: Point[] };
export type ComputerUseCallItem = ItemBase & {
  type: 'computer_call';
  callId: string;
  status: ItemStatus;
  action?: ComputerAction;
  actions?: ComputerAction[];
};
export type ComputerCallResultItem = ItemBase & {
  type: 'computer_call_result';
  callId: string;
  output: Shared & { type: 'computer_screenshot'; data: string };
};
export type ShellAction = { commands: string[]; timeoutMs?: number; maxOutputLength?: number };
export type ShellCallItem = ItemBase & {
  type: 'shell_call';
  callId: string;
  action: ShellAction;
  status?: ItemStatus;
  caller?: ToolCaller;
};
export type ShellCallOutputContent = {
  stdout: string;
  stderr: string;
  outcome: { type: 'timeout' } | { type: 'exit'; exitCode: number | null };
  [extra: string]: unknown;
};
export type ShellCallResultItem = ItemBase & {
  type: 'shell_call_output';
  callId: string;
  output: ShellCallOutputContent[];
  status?: ItemStatus;
  maxOutputLength?: number;
  caller?: ToolCaller;
};
export type ApplyPatchOperation =
  | { type: 'create_file'; path: string; diff: string }
  | { type: 'update_file'; path: string; diff: string; moveTo?: string }
  | { type: 'delete_file'; path: string };
export type ApplyPatchCallItem = ItemBase & {
  type: 'apply_patch_call';
  callId: string;
  status: 'in_progress' | 'completed';
  operation: ApplyPatchOperation;
  caller?: ToolCaller;
};
export type ApplyPatchCallResultItem = ItemBase & {
  type: 'apply_patch_call_output';
  callId: string;
  status: 'completed' | 'failed';
  output?: string;
  caller?: ToolCaller;
};
export type ToolSearchCallItem = ItemBase & {
  type: 'tool_search_call';
  arguments: unknown;
  call_id?: string | null;
  callId?: string | null;
  execution?: 'client' | 'server';
  status?: string;
};
export type ToolSearchOutputItem = ItemBase & {
  type: 'tool_search_output';
  tools: Record<string, unknown>[];
  call_id?: string | null;
  callId?: string | null;
  execution?: 'client' | 'server';
  status?: string;
};
export type ProgramCallItem = ItemBase & { type: 'program'; callId: string; code: string; fingerprint: string };
export type ProgramCallResultItem = ItemBase & {
  type: 'program_output';
  callId: string;
  output: string;
  status: 'completed' | 'incomplete';
};

// The rest

export type ReasoningItem = ItemBase & { type: 'reasoning'; content: InputText[]; rawContent?: ReasoningText[] };
export type CompactionItem = ItemBase & { type: 'compaction'; encrypted_content: string; created_by?: string };
/** An item that this version does not know. `providerData` holds it as the provider sent it. */
export type UnknownItem = ItemBase & { type: 'unknown' };

export type ToolCallItem =
  | FunctionCallItem
  | HostedToolCallItem
  | ComputerUseCallItem
  | ShellCallItem
  | ApplyPatchCallItem
  | ProgramCallItem;
export type ToolCallResultItem =
  | FunctionCallResultItem
  | ComputerCallResultItem
  | ShellCallResultItem
  | ApplyPatchCallResultItem
  | ProgramCallResultItem;

/** Anything that can stand in a conversation. */
export type ModelItem =
  | MessageItem
  | ToolCallItem
  | ToolCallResultItem
  | ToolSearchCallItem
  | ToolSearchOutputItem
  | ReasoningItem
  | CompactionItem
  | UnknownItem;
export type AgentInputItem = ModelItem;
export type AgentOutputItem = ModelItem;

/** A user message. @example `user('Where is my order?')` */
export function user(content: string | UserContent[], providerData?: ProviderData): UserMessageItem {
  const parts: UserContent[] = typeof content === 'string' ? [{ type: 'input_text', text: content }] : content;
  return { type: 'message', role: 'user', content: parts, ...(providerData && { providerData }) };
}

/** A system message. @example `system('Answer in French.')` */
export function system(content: string, providerData?: ProviderData): SystemMessageItem {
  return { type: 'message', role: 'system', content, ...(providerData && { providerData }) };
}

/** An assistant message, for example to seed a history. @example `assistant('How can I help?')` */
export function assistant(content: string | AssistantContent[], providerData?: ProviderData): AssistantMessageItem {
  const parts: AssistantContent[] = typeof content === 'string' ? [{ type: 'output_text', text: content }] : content;
  return {
    type: 'message',
    role: 'assistant',
    content: parts,
    status: 'completed',
    ...(providerData && { providerData }),
  };
}
