/** Error handlers and aborts. */
import { z } from 'zod';
import type { RunErrorHandlerInput } from '@openai/agents';
import type { AnyAgent, Kit, Scenario } from '../kit.ts';
import { call, pause, say, settle } from './parts.ts';

const looper = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.agent({
    name: 'A',
    model: kit.model([[call(kit, 'look')], [say(kit, 'Found')]]),
    tools: [kit.tool('look')],
    ...more,
  });

const refuser = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.agent({ name: 'A', model: kit.model([[kit.sdk.assistant([{ type: 'refusal', refusal: 'No.' }])]]), ...more });

type HandlerInput = RunErrorHandlerInput<unknown, AnyAgent>;

/** A handler that notes what it was given. */
const handler =
  (kit: Kit, answer: { finalOutput: unknown; includeInHistory?: boolean } | undefined) =>
  ({ error, context, runData }: HandlerInput) => {
    const { state, newItems, lastAgent, rawResponses, ...rest } = runData;
    kit.log('handler', [
      error,
      context,
      rest,
      newItems.map((item) => item.type),
      lastAgent?.name,
      rawResponses.length,
      state === undefined ? 'no state' : 'state',
    ]);
    return answer as { finalOutput: string };
  };

const checked = (kit: Kit, tripwireTriggered = false) => ({
  outputGuardrails: [
    {
      name: 'out',
      execute: async ({ agentOutput }: { agentOutput: unknown }) => (
        kit.log('output check', agentOutput),
        { tripwireTriggered, outputInfo: null }
      ),
    },
  ],
});

/** A model that waits until it is aborted, then rejects with the reason. */
const waiting = (kit: Kit, before: ReturnType<typeof call>[][] = []) =>
  kit.model([
    ...before,
    kit.testing.modelResponder(async ({ request }) => {
      await pause(200, request.signal);
      return [say(kit, 'Too late')];
    }),
  ]);

/** Streams wait in a stream responder, plain runs in a responder. */
const waitingStream = (kit: Kit, before: ReturnType<typeof call>[][] = []) =>
  kit.mode === 'plain'
    ? waiting(kit, before)
    : kit.model([
        ...before,
        kit.testing.modelStreamResponder(async function* ({ request }) {
          yield { type: 'response_started' as const };
          await pause(200, request.signal);
        }),
      ]);

export const scenarios: Scenario[] = [
  {
    name: 'error handlers: maxTurns gives a final output',
    play: async (kit) => {
      const session = kit.session();
      const errorHandlers = { maxTurns: handler(kit, { finalOutput: 'Enough.' }) };
      await kit.run(looper(kit, checked(kit)), 'Go', { maxTurns: 1, errorHandlers, session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'error handlers: not in the history',
    play: async (kit) => {
      const session = kit.session();
      const errorHandlers = { maxTurns: handler(kit, { finalOutput: 'Enough.', includeInHistory: false }) };
      await kit.run(looper(kit), 'Go', { maxTurns: 1, errorHandlers, session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'error handlers: a handler that declines',
    play: async (kit) => {
      await kit.run(looper(kit), 'Go', {
        maxTurns: 1,
        errorHandlers: { maxTurns: handler(kit, undefined), default: handler(kit, { finalOutput: 'default' }) },
      });
    },
  },
  {
    name: 'error handlers: default stands in',
    play: async (kit) => {
      await kit.run(looper(kit), 'Go', {
        maxTurns: 1,
        errorHandlers: { default: handler(kit, { finalOutput: 'By default.' }) },
      });
    },
  },
  {
    name: 'error handlers: a handler that throws',
    play: async (kit) => {
      const errorHandlers = {
        maxTurns: () => {
          throw new TypeError('handler broke');
        },
      };
      await kit.run(looper(kit), 'Go', { maxTurns: 1, errorHandlers });
    },
  },
  {
    name: 'error handlers: modelRefusal',
    play: async (kit) => {
      await kit.run(refuser(kit), 'Go', {
        errorHandlers: { modelRefusal: handler(kit, { finalOutput: 'It would not.' }) },
      });
    },
  },
  {
    name: 'error handlers: invalidFinalOutput',
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[say(kit, 'no json')]]),
        outputType: z.object({ n: z.number() }),
      });
      await kit.run(agent, 'Go', { errorHandlers: { invalidFinalOutput: handler(kit, { finalOutput: { n: 0 } }) } });
    },
  },
  {
    name: 'error handlers: an output that does not fit the agent',
    play: async (kit) => {
      const agent = () =>
        kit.agent({ name: 'A', model: kit.model([[say(kit, 'no json')]]), outputType: z.object({ n: z.number() }) });
      await kit.run(agent(), 'Go', { errorHandlers: { invalidFinalOutput: handler(kit, { finalOutput: 'text' }) } });
      await kit.run(refuser(kit), 'Go', { errorHandlers: { modelRefusal: handler(kit, { finalOutput: { n: 1 } }) } });
    },
  },
  {
    name: 'error handlers: output guardrails check what a handler gives',
    play: async (kit) => {
      await kit.run(looper(kit, checked(kit, true)), 'Go', {
        maxTurns: 1,
        errorHandlers: { maxTurns: handler(kit, { finalOutput: 'Enough.' }) },
      });
    },
  },
  {
    name: 'error handlers: errors of models and tools are not handled',
    play: async (kit) => {
      const errorHandlers = { default: handler(kit, { finalOutput: 'Handled' }) };
      await kit.run(kit.agent({ name: 'A', model: kit.model([kit.testing.modelError(new Error('down'))]) }), 'Go', {
        errorHandlers,
      });
      await kit.run(kit.agent({ name: 'A', model: kit.model([[call(kit, 'other')]]) }), 'Go', { errorHandlers });
    },
  },
  {
    name: 'error handlers: maxTurns after a handoff answers for the last agent',
    play: async (kit) => {
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]]), ...checked(kit) });
      const a = kit.agent({ name: 'A', model: kit.model([[call(kit, 'transfer_to_B')]]), handoffs: [b] });
      await kit.run(a, 'Go', { maxTurns: 1, errorHandlers: { maxTurns: handler(kit, { finalOutput: 'Enough.' }) } });
    },
  },
  {
    name: 'abort: while the model works',
    play: async (kit) => {
      const controller = new AbortController();
      const session = kit.session();
      const agent = kit.agent({ name: 'A', model: waitingStream(kit) });
      void settle(10).then(() => controller.abort());
      await kit.run(agent, 'Go', { signal: controller.signal, session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'abort: with a reason of its own',
    play: async (kit) => {
      const controller = new AbortController();
      const reason = new TypeError('enough of this');
      const agent = kit.agent({ name: 'A', model: waitingStream(kit) });
      void settle(10).then(() => controller.abort(reason));
      const { error } = await kit.run(agent, 'Go', { signal: controller.signal });
      kit.log('same reason', error === reason);
    },
  },
  {
    name: 'abort: with a reason of its own, while a tool works',
    play: async (kit) => {
      const controller = new AbortController();
      const slow = kit.tool('slow', '', {
        execute: async (_input: unknown, _context: unknown, details: { signal?: AbortSignal }) => {
          void settle(5).then(() => controller.abort(new TypeError('enough of this')));
          await pause(200, details.signal).catch(() => kit.log('slow was aborted'));
          return 'slow result';
        },
      });
      const agent = kit.agent({ name: 'A', model: kit.model([[call(kit, 'slow')]]), tools: [slow] });
      await kit.run(agent, 'Go', { signal: controller.signal });
      await settle(20);
    },
  },
  {
    name: 'abort: a tool that obeys the signal',
    play: async (kit) => {
      const controller = new AbortController();
      const session = kit.session();
      const slow = kit.tool('slow', '', {
        execute: async (_input: unknown, _context: unknown, details: { signal?: AbortSignal }) => {
          kit.log('slow begins');
          void settle(5).then(() => controller.abort());
          await pause(200, details.signal).catch(() => kit.log('slow was aborted'));
          return 'slow result';
        },
      });
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look'), call(kit, 'slow')], [say(kit, 'Done')]]),
        tools: [kit.tool('look'), slow],
      });
      await kit.run(agent, 'Go', { signal: controller.signal, session });
      await settle(20);
      kit.log('session', session.items);
    },
  },
  {
    name: 'abort: a tool that ignores the signal is waited for',
    play: async (kit) => {
      const controller = new AbortController();
      const session = kit.session();
      const slow = kit.tool('slow', '', {
        execute: async () => {
          controller.abort();
          await settle(20);
          kit.log('slow ends');
          return 'slow result';
        },
      });
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'slow')], [say(kit, 'Done')]]),
        tools: [slow],
      });
      await kit.run(agent, 'Go', { signal: controller.signal, session });
      await settle(40);
      kit.log('session', session.items);
    },
  },
  {
    name: 'abort: between two turns',
    play: async (kit) => {
      const controller = new AbortController();
      const agent = looper(kit);
      agent.on('agent_tool_end', () => controller.abort());
      const session = kit.session();
      await kit.run(agent, 'Go', { signal: controller.signal, session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'abort: before it began',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(looper(kit), 'Go', { signal: AbortSignal.abort(), session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'abort: a sub-agent is aborted with its parent',
    modes: ['plain'],
    play: async (kit) => {
      const controller = new AbortController();
      const sub = kit.agent({ name: 'Sub', model: waiting(kit) });
      const agent = kit.agent({
        name: 'A',
        tools: [sub.asTool({ toolName: 'sub' })],
        model: kit.model([[call(kit, 'sub', 's1', { input: 'x' })], [say(kit, 'Done')]], 'model A'),
      });
      void settle(10).then(() => controller.abort());
      await kit.run(agent, 'Go', { signal: controller.signal });
    },
  },
  {
    name: 'abort: after the run is finished changes nothing',
    play: async (kit) => {
      const controller = new AbortController();
      const { result } = await kit.run(looper(kit), 'Go', { signal: controller.signal });
      controller.abort();
      kit.log('after', [
        result?.finalOutput,
        result !== undefined && 'cancelled' in result ? result.cancelled : 'plain',
      ]);
    },
  },
];
