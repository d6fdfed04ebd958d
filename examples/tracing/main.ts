/** What runs did, as a tree with times. Run it: `npx node examples/tracing/main.ts` */
import '../shared/model.ts';
import {
  Agent,
  run,
  setTracingDisabled,
  setTracingProcessor,
  type Span,
  tool,
  type TracingProcessor,
  withCustomSpan,
  withTrace,
} from '@baton/agents';
import { z } from 'zod';

/** Keeps the spans of one program in memory; yours would send them somewhere. */
class Tree implements TracingProcessor {
  readonly spans: Span[] = [];
  async onTraceStart(): Promise<void> {}
  async onTraceEnd(): Promise<void> {}
  async onSpanStart(span: Span): Promise<void> {
    this.spans.push(span);
  }
  async onSpanEnd(): Promise<void> {}
  async shutdown(): Promise<void> {}
  async forceFlush(): Promise<void> {}

  print(parentId: string | null = null, depth = 0): void {
    for (const span of this.spans.filter((each) => each.parentId === parentId)) {
      const { type, ...data } = span.spanData;
      const name = 'name' in data ? ` ${data.name}` : 'turn' in data ? ` ${data.turn}` : '';
      const error = span.error ? `, failed: ${span.error.message}` : '';
      const agent = span.details?.agent === undefined ? '' : ` (${span.details.agent})`;
      console.log(`${'  '.repeat(depth)}${type}${name}${agent}${error}`);
      this.print(span.spanId, depth + 1);
    }
  }
}

const tree = new Tree();
setTracingProcessor(tree);
setTracingDisabled(false);

const order = tool({
  name: 'find_order',
  description: 'Finds an order.',
  parameters: z.object({ id: z.string() }),
  // What a tool opens hangs under the span of its call.
  execute: async ({ id }) => withCustomSpan(async () => `Order ${id} was shipped.`, { data: { name: 'database' } }),
});
const refund = tool({
  name: 'refund',
  description: 'Pays back.',
  parameters: z.object({ id: z.string() }),
  execute: async () => {
    throw new Error('The bank is closed.');
  },
});
const billing = new Agent({ name: 'Billing', instructions: 'You pay back.', tools: [refund] });
const triage = new Agent({
  name: 'Triage',
  instructions: 'You find out what is wrong.',
  tools: [order],
  handoffs: [billing],
});

// model calls: find_order {"id":"A1"}
// model calls: transfer_to_Billing
// model calls: refund {"id":"A1"}
// model says: I could not pay back today.
await withTrace('Refund', async () => {
  const result = await run(triage, 'I want my money back for A1.');
  console.log(result.finalOutput);
});
tree.print();
