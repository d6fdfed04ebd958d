/**
 * What a streamed run shows, event by event.
 */
import type { ResponseStreamEvent } from '../protocol/model.ts';
import type { AnyAgent } from './agent.ts';
import type { AgentToolInvocation } from './as-tool.ts';
import type { RunItem } from './items.ts';

/** An event of the model, as it came. */
export class RunRawModelStreamEvent {
  readonly type = 'raw_model_stream_event';
  readonly data: ResponseStreamEvent;
  /** Which adapter it came from, where that is known. */
  readonly source: string | undefined;
  constructor(data: ResponseStreamEvent, source?: string) {
    this.data = data;
    this.source = source;
  }
}

export type RunItemStreamEventName =
  | 'message_output_created'
  | 'handoff_requested'
  | 'handoff_occurred'
  | 'tool_search_called'
  | 'tool_search_output_created'
  | 'tool_called'
  | 'tool_output'
  | 'reasoning_item_created'
  | 'compaction_item_created'
  | 'tool_approval_requested';

/** The run has a new item. */
export class RunItemStreamEvent {
  readonly type = 'run_item_stream_event';
  readonly name: RunItemStreamEventName;
  readonly item: RunItem;
  constructor(name: RunItemStreamEventName, item: RunItem) {
    this.name = name;
    this.item = item;
  }
}

/** Another agent goes on. */
export class RunAgentUpdatedStreamEvent {
  readonly type = 'agent_updated_stream_event';
  readonly agent: AnyAgent;
  constructor(agent: AnyAgent) {
    this.agent = agent;
  }
}

/** An event of a sub-agent, in its caller's stream. Only where the tool was made with `forwardEvents: true`. */
export class RunAgentToolStreamEvent {
  readonly type = 'agent_tool_stream_event';
  readonly event: RunStreamEvent;
  /** The sub-agent's root agent. */
  readonly agent: AnyAgent;
  /** The call that the sub-agent answers. */
  readonly invocation: AgentToolInvocation;
  constructor(event: RunStreamEvent, agent: AnyAgent, invocation: AgentToolInvocation) {
    this.event = event;
    this.agent = agent;
    this.invocation = invocation;
  }
}

export type RunStreamEvent =
  | RunRawModelStreamEvent
  | RunItemStreamEvent
  | RunAgentUpdatedStreamEvent
  | RunAgentToolStreamEvent;
