/** What a run does, while it does it; sub-agents too. Run it: `npx node examples/streaming/main.ts` */
import '../shared/model.ts';
import { Agent, run, type RunStreamEvent } from '@baton/agents';

const summarizer = new Agent({ name: 'Summarizer', instructions: 'Summarize the text in one short sentence.' });
const writer = new Agent({
  name: 'Writer',
  instructions: 'Write two sentences on the topic, have them summarized, then give both.',
  tools: [
    summarizer.asTool({
      toolName: 'summarize',
      toolDescription: 'Summarizes a text.',
      // The sub-agent's events show up in this stream, as `agent_tool_stream_event`.
      forwardEvents: true,
    }),
  ],
});

function show(event: RunStreamEvent, who = ''): void {
  switch (event.type) {
    case 'raw_model_stream_event':
      if (event.data.type === 'output_text_delta') process.stdout.write(event.data.delta);
      if (event.data.type === 'response_done') process.stdout.write('\n');
      break;
    case 'run_item_stream_event':
      console.log(`${who}[${event.name}]`);
      break;
    case 'agent_updated_stream_event':
      console.log(`${who}[now ${event.agent.name}]`);
      break;
    case 'agent_tool_stream_event':
      show(event.event, `${event.agent.name}: `);
      break;
  }
}

// model calls: summarize {"input":"Bees dance to tell where flowers are. The dance shows direction and distance."}
// model says: Bees dance to point at flowers.
// model says: Bees dance to tell where flowers are. The dance shows direction and distance. In short: bees dance to point at flowers.
const stream = await run(writer, 'Bees', { stream: true });
for await (const event of stream) show(event);
// The stream has ended, so the result is there.
console.log(`${stream.lastAgent?.name}: ${stream.state.usage.requests} model calls`);

// Often the text alone is enough.
// model says: Bees also remember faces.
const text = await run(summarizer, 'Tell one more fact about bees.', { stream: true });
for await (const delta of text.toTextStream()) process.stdout.write(delta);
await text.completed;
console.log();
