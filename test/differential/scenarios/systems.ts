/** Systems of several agents that scenarios share. */
import type { AnyAgent, Kit } from '../kit.ts';
import { call, counted, say } from './parts.ts';

/** asTool has overloads by its options; scenarios vary them. */
export const asTool = (agent: AnyAgent, options: Record<string, unknown> = {}) =>
  agent.asTool(options as Parameters<AnyAgent['asTool']>[0]);

/** A calls B as a tool, B calls C as a tool, and C pays, which asks. */
export function three(kit: Kit, more: Record<string, unknown> = {}): AnyAgent {
  const c = kit.agent({
    name: 'C',
    model: kit.model([counted(kit, 'c-1', [call(kit, 'pay', 'p1')]), counted(kit, 'c-2', [say(kit, 'C paid')])], 'C'),
    tools: [kit.tool('pay', 'paid', { needsApproval: true })],
  });
  const b = kit.agent({
    name: 'B',
    model: kit.model(
      [counted(kit, 'b-1', [call(kit, 'C', 'c1', { input: 'pay' })]), counted(kit, 'b-2', [say(kit, 'B asked C')])],
      'B',
    ),
    tools: [asTool(c, more)],
  });
  return kit.agent({
    name: 'A',
    model: kit.model(
      [counted(kit, 'a-1', [call(kit, 'B', 'b1', { input: 'ask' })]), counted(kit, 'a-2', [say(kit, 'Done')])],
      'A',
    ),
    tools: [asTool(b, more)],
  });
}

/** A hands off to B; both look with a tool first. */
export function relay(
  kit: Kit,
  more: { filter?: unknown; b?: Record<string, unknown>; a?: Record<string, unknown> } = {},
) {
  const b = kit.agent({
    name: 'B',
    instructions: 'I am B',
    model: kit.model([counted(kit, 'b-1', [call(kit, 'look', 'l2')]), counted(kit, 'b-2', [say(kit, 'From B')])], 'B'),
    tools: [kit.tool('look')],
    ...more.b,
  });
  const target = more.filter === undefined ? b : kit.sdk.handoff(b, { inputFilter: more.filter as never });
  return kit.agent({
    name: 'A',
    instructions: 'I am A',
    model: kit.model(
      [
        counted(kit, 'a-1', [call(kit, 'look', 'l1')]),
        counted(kit, 'a-2', [say(kit, 'One moment'), call(kit, 'transfer_to_B', 'h1')]),
        counted(kit, 'a-3', [say(kit, 'A again')]),
      ],
      'A',
    ),
    tools: [kit.tool('look')],
    handoffs: [target],
    ...more.a,
  });
}
