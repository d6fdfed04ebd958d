/** A researcher uses a summarizer as a tool and stays in charge. Run it: `npx node examples/manager/main.ts` */
import '../shared/model.ts';
import { Agent, run, tool } from '@baton/agents';
import { z } from 'zod';

const articles: Record<string, string> = {
  heat: 'Heat pumps move heat instead of making it. For one kilowatt hour of power they give three to four of heat.',
  solar: 'A square metre of solar panels yields about 200 kilowatt hours a year in Central Europe.',
};

const readArticle = tool({
  name: 'read_article',
  description: 'The text of an article.',
  parameters: z.object({ topic: z.enum(['heat', 'solar']) }),
  execute: async ({ topic }) => articles[topic],
});

const summarizer = new Agent({
  name: 'Summarizer',
  instructions: 'Summarize the text that you get in one short sentence.',
});

const researcher = new Agent({
  name: 'Researcher',
  instructions:
    'Read the article on the topic, have it summarized, then answer with the summary and a remark of yours.',
  tools: [
    readArticle,
    // The summarizer's run is a run of its own inside of this one: its tokens count, its approvals come up here.
    summarizer.asTool({ toolName: 'summarize', toolDescription: 'Summarizes a text in one sentence.' }),
  ],
});

// model calls: read_article {"topic":"heat"}
// model calls: summarize {"input":"Heat pumps move heat instead of making it. For one kilowatt hour of power they give three to four of heat."}
// model says: Heat pumps give three to four times the energy that they take.
// model says: Heat pumps give three to four times the energy that they take, so they pay off best with cheap power.
const result = await run(researcher, 'What should I know about heat pumps?');

for (const item of result.newItems) {
  if (item.type === 'tool_call_item') console.log(`${item.agent.name} calls ${item.toolName}`);
}
console.log(result.finalOutput);
console.log(`Last agent: ${result.lastAgent?.name}, ${result.state.usage.requests} model calls in all`);
