/**
 * Run items: what a run produced, with the agent that produced it. Each wraps an item of the conversation.
 */
import type {
  AssistantMessageItem,
  CompactionItem,
  FunctionCallItem,
  FunctionCallResultItem,
  HostedToolCallItem,
  ModelItem,
  ReasoningItem,
  ToolCallItem,
  ToolCallResultItem,
  ToolSearchCallItem,
  ToolSearchOutputItem,
} from '../protocol/items.ts';
import { toSmartString } from '../tools/output.ts';
import type { AnyAgent } from './agent.ts';

type Plain = { type: string; rawItem?: ModelItem; agent?: { name: string } };

/** Base of all run items. */
export abstract class RunItemBase {
  abstract readonly type: string;
  abstract rawItem?: ModelItem;

  toJSON(): Plain {
    return { type: this.type, ...(this.rawItem && { rawItem: this.rawItem }) };
  }
}

abstract class AgentItem extends RunItemBase {
  /** The agent that was active. */
  readonly agent: AnyAgent;
  constructor(agent: AnyAgent) {
    super();
    this.agent = agent;
  }

  override toJSON(): Plain {
    return { ...super.toJSON(), agent: { name: this.agent.name } };
  }
}

/** A message of the agent. */
export class RunMessageOutputItem extends AgentItem {
  readonly type = 'message_output_item';
  rawItem: AssistantMessageItem;
  constructor(rawItem: AssistantMessageItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }

  /** The text of the message. */
  get content(): string {
    let text = '';
    for (const part of this.rawItem.content) if (part.type === 'output_text') text += part.text;
    return text;
  }
}

/** Input that was added to a run while it went on. */
export class RunInputItem extends AgentItem {
  readonly type = 'input_item';
  rawItem: ModelItem;
  constructor(rawItem: ModelItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

/** A call of a tool. */
export class RunToolCallItem extends AgentItem {
  readonly type = 'tool_call_item';
  rawItem: ToolCallItem;
  constructor(rawItem: ToolCallItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }

  get toolName(): string | undefined {
    return 'name' in this.rawItem ? this.rawItem.name : this.rawItem.type;
  }

  get callId(): string | undefined {
    return 'callId' in this.rawItem ? this.rawItem.callId : this.rawItem.id;
  }
}

/** The result of a tool. */
export class RunToolCallOutputItem extends AgentItem {
  readonly type = 'tool_call_output_item';
  rawItem: ToolCallResultItem;
  /** What the tool returned: the value itself while the process lives, else its text. */
  output: unknown;
  /** What `customDataExtractor` attached. */
  declare customData?: unknown;
  // oxlint-disable-next-line eslint/max-params -- the published signature
  constructor(rawItem: ToolCallResultItem, agent: AnyAgent, output: unknown, customData?: unknown) {
    super(agent);
    this.rawItem = rawItem;
    this.output = output;
    if (customData !== undefined) this.customData = customData;
  }

  get callId(): string | undefined {
    return this.rawItem.callId;
  }

  override toJSON(): Plain & { output: string; customData?: unknown } {
    const { output, customData } = this;
    return { ...super.toJSON(), output: toSmartString(output), ...(customData !== undefined && { customData }) };
  }
}

/** What the model thought, where it shows that. */
export class RunReasoningItem extends AgentItem {
  readonly type = 'reasoning_item';
  rawItem: ReasoningItem;
  constructor(rawItem: ReasoningItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

export class RunCompactionItem extends AgentItem {
  readonly type = 'compaction_item';
  rawItem: CompactionItem;
  constructor(rawItem: CompactionItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

export class RunToolSearchCallItem extends AgentItem {
  readonly type = 'tool_search_call_item';
  rawItem: ToolSearchCallItem;
  constructor(rawItem: ToolSearchCallItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

export class RunToolSearchOutputItem extends AgentItem {
  readonly type = 'tool_search_output_item';
  rawItem: ToolSearchOutputItem;
  constructor(rawItem: ToolSearchOutputItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

/** The model asked to hand over. */
export class RunHandoffCallItem extends AgentItem {
  readonly type = 'handoff_call_item';
  rawItem: FunctionCallItem;
  constructor(rawItem: FunctionCallItem, agent: AnyAgent) {
    super(agent);
    this.rawItem = rawItem;
  }
}

/** One agent handed over to another. */
export class RunHandoffOutputItem extends RunItemBase {
  readonly type = 'handoff_output_item';
  rawItem: FunctionCallResultItem;
  readonly sourceAgent: AnyAgent;
  readonly targetAgent: AnyAgent;
  constructor(rawItem: FunctionCallResultItem, sourceAgent: AnyAgent, targetAgent: AnyAgent) {
    super();
    this.rawItem = rawItem;
    this.sourceAgent = sourceAgent;
    this.targetAgent = targetAgent;
  }

  override toJSON(): Plain & { sourceAgent: { name: string }; targetAgent: { name: string } } {
    return {
      ...super.toJSON(),
      sourceAgent: { name: this.sourceAgent.name },
      targetAgent: { name: this.targetAgent.name },
    };
  }
}

/** A tool call that a person must approve or reject. */
export class RunToolApprovalItem extends AgentItem {
  readonly type = 'tool_approval_item';
  rawItem: FunctionCallItem | HostedToolCallItem;
  /** The run that made the call; a sub-agent's has its own id. */
  readonly runId: string | undefined;
  /**
   * Set where the question is not whether the call may run, but what becomes of its attempt of this number, which
   * began and was cut off: it may have happened, or be happening still. `approve` makes the call again, `reject`
   * does not, `confirm` says that it did happen.
   */
  readonly uncertain: number | undefined;
  /** The tool's name. */
  readonly toolName: string;
  // oxlint-disable-next-line eslint/max-params -- the published parameters, and one of ours
  constructor(
    rawItem: FunctionCallItem | HostedToolCallItem,
    agent: AnyAgent,
    toolName: string = rawItem.name,
    { runId, uncertain }: { runId?: string; uncertain?: number } = {},
  ) {
    super(agent);
    this.rawItem = rawItem;
    this.toolName = toolName;
    this.runId = runId;
    this.uncertain = uncertain;
  }

  /** The tool's name. */
  get name(): string {
    return this.toolName;
  }

  /** The arguments, as the model wrote them. */
  get arguments(): string | undefined {
    return this.rawItem.arguments;
  }

  get callId(): string | undefined {
    return 'callId' in this.rawItem ? this.rawItem.callId : this.rawItem.id;
  }

  override toJSON(): Plain & { toolName: string } {
    return { ...super.toJSON(), toolName: this.toolName };
  }
}

export type RunItem =
  | RunMessageOutputItem
  | RunToolCallItem
  | RunToolSearchCallItem
  | RunToolSearchOutputItem
  | RunToolCallOutputItem
  | RunReasoningItem
  | RunCompactionItem
  | RunHandoffCallItem
  | RunHandoffOutputItem
  | RunToolApprovalItem
  | RunInputItem;

/** All text of the messages among the items, joined. */
export function extractAllTextOutput(items: readonly RunItem[]): string {
  return items.map((item) => (item instanceof RunMessageOutputItem ? item.content : '')).join('');
}
