/** What a run shows, as JSON: requests, events, items, results, states. Shared by all scenarios. */
import type { ModelRequest, RunItem, RunState, RunStreamEvent } from '@openai/agents';
import type { AnyAgent, AnyResult } from './kit.ts';
import { describeError, plain, type Json } from './normalise.ts';

type Fields = Record<string, Json>;

/** A model request as the model received it. Of the signal only counts whether it was aborted. */
export function describeRequest(request: ModelRequest, streamed: boolean): Json {
  const { signal, tracing: _tracing, ...rest } = request;
  const fields: Fields = signal?.aborted === true ? { streamed, signal: 'aborted' } : { streamed };
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined && !key.startsWith('_')) fields[key] = plain(value);
  }
  return fields;
}

/** Type, agents, wire item and the live output of a run item. */
export function describeItem(item: RunItem): Json {
  const fields: Fields = { type: item.type, rawItem: plain(item.rawItem) };
  if ('agent' in item) fields['agent'] = item.agent.name;
  if ('sourceAgent' in item) fields['handoff'] = `${item.sourceAgent.name} -> ${item.targetAgent.name}`;
  if ('output' in item) fields['output'] = plain(item.output);
  if (item.type === 'message_output_item') fields['content'] = item.content;
  if (item.type === 'tool_approval_item') fields['asks'] = plain([item.name, item.arguments]);
  return fields;
}

/** A stream event; raw events keep what a reader would use of them. */
export function describeEvent(event: RunStreamEvent): Json {
  if (event.type === 'agent_updated_stream_event') return { event: 'agent_updated', agent: event.agent.name };
  if (event.type === 'run_item_stream_event') {
    const { item } = event;
    return { event: event.name, item: item.type, rawItem: plain(item.rawItem) };
  }
  const { data } = event;
  const fields: Fields = { event: 'raw', data: data.type };
  if (data.type === 'output_text_delta') fields['delta'] = data.delta;
  if (data.type === 'response_done') fields['response'] = plain(data.response);
  return fields;
}

/** What a getter says; some parse late and throw. */
function said(read: () => unknown): Json {
  try {
    return plain(read());
  } catch (error) {
    return { throws: describeError(error) };
  }
}

/** Everything that the getters of a result say. */
export function describeResult(result: AnyResult): Json {
  const fields: Fields = {
    input: plain(result.input),
    newItems: result.newItems.map(describeItem),
    history: plain(result.history),
    output: plain(result.output),
    finalOutput: said(() => result.finalOutput),
    lastAgent: result.lastAgent?.name ?? null,
    activeAgent: result.activeAgent?.name ?? null,
    lastResponseId: result.lastResponseId ?? null,
    rawResponses: result.rawResponses.map((response) => plain({ id: response.responseId, output: response.output })),
    interruptions: result.interruptions.map(describeItem),
    usage: plain(result.state.usage),
  };
  const checks = {
    inputGuardrailResults: result.inputGuardrailResults,
    outputGuardrailResults: result.outputGuardrailResults,
    toolInputGuardrailResults: result.toolInputGuardrailResults,
    toolOutputGuardrailResults: result.toolOutputGuardrailResults,
  };
  for (const [name, results] of Object.entries(checks)) if (results.length > 0) fields[name] = plain(results);
  if (result.agentToolInvocation !== undefined) fields['agentToolInvocation'] = plain(result.agentToolInvocation);
  if ('cancelled' in result) {
    fields['streamed'] = {
      cancelled: result.cancelled,
      currentTurn: result.currentTurn,
      maxTurns: result.maxTurns ?? null,
      currentAgent: result.currentAgent?.name ?? null,
      error: result.error === null ? null : describeError(result.error),
    };
  }
  return fields;
}

/** What the state attached to an error, or read back from a string, says. */
export function describeState(state: RunState<unknown, AnyAgent>): Json {
  return {
    history: plain(state.history),
    usage: plain(state.usage),
    currentAgent: state.currentAgent.name,
    interruptions: state.getInterruptions().map(describeItem),
    pendingInput: plain(state.pendingInput),
  };
}
