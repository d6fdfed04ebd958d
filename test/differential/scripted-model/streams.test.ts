import type { AgentOutputItem } from '../../../src/protocol/items.ts';
import type { StreamEvent } from '../../../src/protocol/model.ts';
import type { ScriptedModelInput } from '../../../src/testing/index.ts';
import { compare, drain, request } from './both.ts';

compare({
  'streams made from responses': async (kit, see) => {
    const message = kit.assistantMessage('one');
    const parts = [
      { type: 'output_text', text: 'one' },
      { type: 'refusal', refusal: 'no' },
      { type: 'output_text', text: '', providerData: { a: 1 } },
      { type: 'audio', audio: 'x', transcript: 't' },
    ] as const;
    const usage = new kit.Usage({
      requests: 2,
      inputTokens: 3,
      outputTokens: 4,
      inputTokensDetails: [{ cached: 1 }, { c: 2 }],
      outputTokensDetails: { r: 1 },
      requestUsageEntries: [{ inputTokens: 1, outputTokens: 1, endpoint: 'e' }],
    });
    const whole = {
      output: [message],
      usage,
      responseId: 'R',
      requestId: 'Q',
      providerData: { x: 1 },
      rawUsage: { y: 1 },
    };
    const user = { type: 'message', role: 'user', content: [{ type: 'output_text', text: 'x' }] };
    const model = new kit.ScriptedModel([
      [kit.assistantMessage('a', { id: 'm1' }), kit.assistantMessage('b')],
      [kit.functionCall('n', {}, { callId: 'c' }), { type: 'reasoning', content: [{ type: 'input_text', text: 't' }] }],
      [{ ...message, content: [...parts] }],
      whole,
      whole,
      { output: [], usage: new kit.Usage() },
      [user as unknown as AgentOutputItem],
      kit.modelResponder(({ index, streamed }) => [kit.assistantMessage(`${index} ${streamed}`)]),
    ]);
    for (let i = 0; i < 4; i += 1) await see(() => drain(model.getStreamedResponse(request())));
    const settings = { preserveRawUsage: true };
    await see(() => drain(model.getStreamedResponse(request({ modelSettings: settings }))));
    for (let i = 0; i < 3; i += 1) await see(() => drain(model.getStreamedResponse(request())));
    await see(() => drain(model.getStreamedResponse(request())));
  },

  'raw streams': async (kit, see) => {
    const done = {
      type: 'response_done',
      response: { id: 'x', usage: { inputTokens: 0 }, output: [] },
    } as unknown as StreamEvent;
    const list: StreamEvent[] = [{ type: 'response_started' }, done];
    const model = new kit.ScriptedModel([
      kit.modelStream(list),
      kit.modelStream(
        (async function* () {
          yield done;
        })(),
      ),
      kit.modelStream([]),
      kit.modelStream(
        (function* () {
          yield done;
          throw new Error('mid');
        })(),
      ),
      kit.modelStreamResponder(({ index }) => [{ type: 'model', event: index }]),
      kit.modelStreamResponder(() => {
        throw new Error('responder');
      }),
      kit.modelStreamResponder(async () => 5 as never),
      kit.modelStreamResponder(() => 'abc' as never),
    ]);
    list.push({ type: 'response_started' });
    for (let i = 0; i < 8; i += 1) await see(() => drain(model.getStreamedResponse(request())));
    const refused = new kit.ScriptedModel([kit.modelStream([]), kit.modelStreamResponder(() => [])]);
    await see(() => refused.getResponse(request()));
    await see(() => [refused.calls.length, refused.remainingSteps]);
    await see(() => drain(refused.getStreamedResponse(request())));
    await see(() => refused.getResponse(request()));
  },

  'when a streamed call takes its step': async (kit, see) => {
    let asked = 0;
    const model = new kit.ScriptedModel([
      kit.modelResponder(() => {
        asked += 1;
        return [];
      }),
    ]);
    const stream = model.getStreamedResponse(request());
    await see(() => [asked, model.calls.length, model.remainingSteps]);
    await drain(stream);
    await see(() => asked);
    await see(() => drain(stream));
    await see(() => {
      model.getStreamedResponse(request());
      return 'not thrown at once';
    });
  },

  'a signal that is aborted before': async (kit, see) => {
    const signal = AbortSignal.abort('why');
    for (const steps of [[], [[]], [kit.modelError('e')], [kit.modelStream([])]]) {
      const model = new kit.ScriptedModel(steps);
      await see(() => model.getResponse(request({ signal })));
      await see(() => {
        model.getStreamedResponse(request({ signal }));
        return 'not thrown at once';
      });
      await see(() => [model.calls.length, model.remainingSteps]);
    }
  },

  'a signal that aborts meanwhile': async (kit, see) => {
    const event: StreamEvent = { type: 'response_started' };
    type Step = (abort: () => void) => ScriptedModelInput;
    const steps: Step[] = [
      (abort) =>
        kit.modelResponder(() => {
          abort();
          return [];
        }),
      (abort) =>
        kit.modelResponder(() => {
          abort();
          return 5 as never;
        }),
      (abort) =>
        kit.modelResponder(async () => {
          abort();
          throw new Error('own');
        }),
      (abort) =>
        kit.modelStreamResponder(() => {
          abort();
          return 5 as never;
        }),
      (abort) =>
        kit.modelStream(
          (function* () {
            abort();
            yield event;
          })(),
        ),
      (abort) =>
        kit.modelStream(
          (function* () {
            abort();
          })(),
        ),
      (abort) =>
        kit.modelStream(
          (function* () {
            abort();
            throw new Error('own');
          })(),
        ),
    ];
    for (const step of steps) {
      const own = new AbortController();
      await see(() =>
        drain(new kit.ScriptedModel([step(() => own.abort())]).getStreamedResponse(request({ signal: own.signal }))),
      );
      const plain = new AbortController();
      await see(() =>
        new kit.ScriptedModel([step(() => plain.abort())]).getResponse(request({ signal: plain.signal })),
      );
    }
    const texts = [kit.assistantMessage('a'), kit.assistantMessage('b')];
    for (const stopAt of [0, 1, 2, 3, 4]) {
      for (const input of [texts, kit.modelStream([event, event])]) {
        const controller = new AbortController();
        const stream = new kit.ScriptedModel([input]).getStreamedResponse(request({ signal: controller.signal }));
        const got: string[] = [];
        if (stopAt === 0) controller.abort();
        await see(async () => {
          for await (const { type } of stream) if (got.push(type) === stopAt) controller.abort();
        });
        await see(() => got);
      }
    }
    const controller = new AbortController();
    const answer = new kit.ScriptedModel([[]]).getResponse(request({ signal: controller.signal }));
    controller.abort();
    await see(() => answer);
  },

  'closing a source whose stream is left': async (kit, see) => {
    for (const abort of [false, true]) {
      let closed = false;
      const controller = new AbortController();
      const source = (async function* (): AsyncGenerator<StreamEvent> {
        try {
          yield { type: 'response_started' };
          yield { type: 'response_started' };
        } finally {
          closed = true;
        }
      })();
      const stream = new kit.ScriptedModel([kit.modelStream(source)]).getStreamedResponse(
        request({ signal: controller.signal }),
      );
      await see(async () => {
        for await (const _ of stream) {
          if (!abort) break;
          controller.abort();
        }
      });
      await see(() => closed);
    }
  },
});
