/** What `finalOutput` is, for each kind of output type and over handoffs. */
import * as v from 'valibot';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AgentOutputType,
  type AnyAgent,
  handoff,
  type ResolvedAgentOutput,
  run,
  type StandardSchemaWithJSON,
} from '@baton/agents';

const Order = z.object({ id: z.string(), cents: z.number().optional() });
type Order = { id: string; cents?: number | undefined };
const Verdict = z.object({ spam: z.boolean() });
type Verdict = { spam: boolean };
/** Of a library that is not zod. */
declare const City: StandardSchemaWithJSON<{ city?: string }, { city: string }>;

const text = new Agent({ name: 'Text' });
const order = new Agent({ name: 'Order', outputType: Order });
const verdict = new Agent({ name: 'Verdict', outputType: Verdict });

test('text without an output type', async () => {
  expectTypeOf((await run(text, 'x')).finalOutput).toEqualTypeOf<string | undefined>();
  expectTypeOf((await run(new Agent({ name: 'T', outputType: 'text' }), 'x')).finalOutput).toEqualTypeOf<
    string | undefined
  >();
});

test('the value of a zod schema, after its transforms', async () => {
  expectTypeOf((await run(order, 'x')).finalOutput).toEqualTypeOf<Order | undefined>();
  expectTypeOf((await run(order, 'x', { stream: true })).finalOutput).toEqualTypeOf<Order | undefined>();
  const transforms = new Agent({ name: 'T', outputType: z.object({ at: z.string().transform((at) => new Date(at)) }) });
  expectTypeOf((await run(transforms, 'x')).finalOutput).toEqualTypeOf<{ at: Date } | undefined>();
  const either = new Agent({ name: 'E', outputType: z.union([Order, Verdict]) });
  expectTypeOf((await run(either, 'x')).finalOutput).toEqualTypeOf<Order | Verdict | undefined>();
});

test('the value of another Standard Schema', async () => {
  const { finalOutput } = await run(new Agent({ name: 'V', outputType: City }), 'x');
  expectTypeOf(finalOutput).toEqualTypeOf<{ city: string } | undefined>();
});

test('unknown for JSON Schema, which validates nothing', async () => {
  const agent = new Agent({
    name: 'J',
    outputType: {
      type: 'json_schema',
      name: 'out',
      strict: true,
      schema: { type: 'object', properties: {}, required: [], additionalProperties: false },
    },
  });
  expectTypeOf((await run(agent, 'x')).finalOutput).toBeUnknown();
});

test('the union over handoffs, for Agent.create', async () => {
  const triage = Agent.create({ name: 'Triage', outputType: Verdict, handoffs: [text, order, handoff(order)] });
  expectTypeOf((await run(triage, 'x')).finalOutput).toEqualTypeOf<string | Order | Verdict | undefined>();
  expectTypeOf((await run(triage, 'x', { stream: true })).finalOutput).toEqualTypeOf<
    string | Order | Verdict | undefined
  >();
  const own = Agent.create({ name: 'Own', handoffs: [handoff(order)] });
  expectTypeOf((await run(own, 'x')).finalOutput).toEqualTypeOf<string | Order | undefined>();
  const none = Agent.create({ name: 'None', outputType: Order });
  expectTypeOf((await run(none, 'x')).finalOutput).toEqualTypeOf<Order | undefined>();
});

test('the union of a union: an agent that was created with handoffs is handed over to', async () => {
  const inner = Agent.create({ name: 'Inner', handoffs: [order] });
  const outer = Agent.create({ name: 'Outer', outputType: Verdict, handoffs: [inner] });
  expectTypeOf((await run(outer, 'x')).finalOutput).toEqualTypeOf<string | Order | Verdict | undefined>();
});

test('its own output type only, for `new Agent` with handoffs', async () => {
  const triage = new Agent({ name: 'T', handoffs: [order, verdict], handoffOutputTypeWarningEnabled: false });
  expectTypeOf((await run(triage, 'x')).finalOutput).toEqualTypeOf<string | undefined>();
});

test('clones and `processFinalOutput` keep the type', () => {
  expectTypeOf(order.clone({ name: 'Other' })).toEqualTypeOf<Agent<unknown, typeof Order>>();
  expectTypeOf(order.processFinalOutput('{}')).toEqualTypeOf<Order>();
  expectTypeOf(text.processFinalOutput('x')).toEqualTypeOf<string>();
});

test('an unknown output for agents of which nothing is known', async () => {
  const some: AnyAgent = order;
  expectTypeOf((await run(some, 'x')).finalOutput).toBeUnknown();
  expectTypeOf<ResolvedAgentOutput<AgentOutputType>>().toBeUnknown();
});

test('an output type must be a schema that describes itself, or JSON Schema', () => {
  // @ts-expect-error -- no such format
  const number = new Agent({ name: 'N', outputType: 7 });
  // @ts-expect-error -- a schema without JSON Schema
  const bare = new Agent({ name: 'B', outputType: v.object({ city: v.string() }) });
  // @ts-expect-error -- 'json' is no output type
  const word = new Agent({ name: 'W', outputType: 'json' });
  return [number, bare, word];
});
