import { Agent, run, type RunItem, type RunStreamEvent, type StreamedRunResult } from '@openai/agents';

const agent = new Agent({ name: 'Storyteller', instructions: 'Tell stories.' });

function describe(item: RunItem): string {
  switch (item.type) {
    case 'message_output_item':
      return item.content;
    case 'tool_call_item':
      return item.rawItem.type === 'function_call'
        ? `${item.rawItem.name}(${item.rawItem.arguments})`
        : item.rawItem.type;
    case 'tool_call_output_item':
      return String(item.output);
    case 'reasoning_item':
      return item.rawItem.content.map((part) => part.text).join('');
    case 'handoff_call_item':
      return item.rawItem.name;
    case 'handoff_output_item':
      return item.targetAgent.name;
    case 'tool_approval_item':
      return item.name ?? 'a tool';
    default:
      return item.type;
  }
}

export function show(event: RunStreamEvent): void {
  if (event.type === 'raw_model_stream_event') {
    if (event.data.type === 'output_text_delta') process.stdout.write(event.data.delta);
    if (event.data.type === 'response_done') console.log(event.data.response.id, event.data.response.usage.totalTokens);
    if (event.data.type === 'model') console.log(event.data.event);
  }
  if (event.type === 'agent_updated_stream_event') console.log(event.agent.name);
  if (event.type === 'run_item_stream_event') {
    if (event.name === 'tool_called') console.log('calls');
    console.log(event.name, describe(event.item), event.item.rawItem);
  }
}

export async function main(): Promise<void> {
  const controller = new AbortController();
  const stream = await run(agent, 'Tell me a story.', { stream: true, signal: controller.signal });
  for await (const event of stream) show(event);
  await stream.completed;
  const story: string | undefined = stream.finalOutput;
  console.log(story, stream.cancelled, stream.currentTurn, stream.currentAgent?.name, stream.error);

  const text = await run(agent, 'And another.', { stream: true });
  text.toTextStream({ compatibleWithNodeStreams: true }).pipe(process.stdout);
  await text.completed;

  const web = await run(agent, 'And another.', { stream: true });
  for await (const chunk of web.toTextStream()) console.log(chunk.length);

  const events = await run(agent, 'Last one.', { stream: true });
  for await (const event of events.toStream()) show(event);
  await watch(events);
}

async function watch(result: StreamedRunResult<any, any>): Promise<void> {
  await result.completed;
  console.log(result.newItems.length, result.history.length);
}
