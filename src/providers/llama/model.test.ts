/** A local model as users see it. The library is a fake that says what it is told; see local-model.local.test.ts. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, run, tool } from '../../index.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { ModelRequest, StreamEvent } from '../../protocol/model.ts';
import fc from 'fast-check';
import { readGrammar, sample } from './gbnf.fixture.ts';
import { fileSha256 } from './file.ts';
import { fakeLibrary, modelFile, type Script } from './library.fixture.ts';
import { LlamaModel, type LlamaModelOptions } from './llama-model.ts';
import { CALL_BEGIN, CALL_END } from './reply.ts';

const call = (name: string, args: string): string =>
  `${CALL_BEGIN}\n{"name": "${name}", "arguments": ${args}}\n${CALL_END}`;

function local(script: Script, options: Partial<LlamaModelOptions> = {}) {
  const { library, seen } = fakeLibrary(script);
  return { seen, model: new LlamaModel({ modelPath: modelFile(), library, ...options }) };
}

function asking(over: Partial<ModelRequest> = {}): ModelRequest {
  return { input: 'Hi', modelSettings: {}, tools: [], outputType: 'text', handoffs: [], tracing: false, ...over };
}
const weather: ModelRequest['tools'][number] = {
  type: 'function',
  name: 'weather',
  description: 'The weather of a city',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};

async function events(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const all: StreamEvent[] = [];
  for await (const event of stream) all.push(event);
  return all;
}
const deltasOf = (all: readonly StreamEvent[]): string[] =>
  all.flatMap((event) => (event.type === 'output_text_delta' ? [event.delta] : []));

describe('a run', () => {
  const getWeather = tool({
    name: 'weather',
    description: 'The weather of a city',
    parameters: z.object({ city: z.string() }),
    execute: ({ city }) => `sunny in ${city}`,
  });
  const outputType = z.object({ city: z.string(), degrees: z.number().nullable() });
  const says = [call('weather', '{"city": "Oslo"}'), '{"city": "Oslo", "degrees": null}'];

  test.each([false, true])('calls a tool and ends with structured output, stream: %s', async (stream) => {
    const { model, seen } = local({ says });
    const agent = new Agent({ name: 'W', instructions: 'Be brief.', model, tools: [getWeather], outputType });
    const result = stream ? await run(agent, 'Oslo?', { stream: true }) : await run(agent, 'Oslo?');
    if ('completed' in result) await result.completed;
    expect(result.finalOutput).toEqual({ city: 'Oslo', degrees: null });
    const [system, ...turns] = seen.asked[1]?.turns ?? [];
    expect(system).toMatchObject({ type: 'system', text: expect.stringMatching(/^Be brief\.[^]*"name": "weather"/) });
    expect(turns).toEqual([
      { type: 'user', text: 'Oslo?' },
      { type: 'model', response: [says[0]] },
      { type: 'user', text: '<tool_response>\n{"name": "weather", "content": "sunny in Oslo"}\n</tool_response>' },
      { type: 'model', response: [] },
    ]);
  });

  test('a history of another provider is told in the words of this model', async () => {
    const { model, seen } = local({ says: ['ok'] });
    const input: AgentInputItem[] = [
      { type: 'message', role: 'user', content: 'Oslo and Rome?' },
      { type: 'reasoning', content: [{ type: 'input_text', text: 'secret' }] },
      { type: 'function_call', callId: 'a|1', name: 'weather', arguments: '{"city":"Oslo"}', status: 'completed' },
      { type: 'function_call', callId: 'b|2', name: 'weather', arguments: '{"city":"Rome"}', status: 'completed' },
      { type: 'function_call_result', callId: 'b|2', name: 'weather', status: 'completed', output: 'hot' },
      { type: 'message', role: 'user', content: 'And?' },
    ];
    await model.getResponse(asking({ input, tools: [weather] }));
    const said = JSON.stringify(seen.asked[0]?.turns);
    expect(said).not.toContain('secret');
    expect(seen.asked[0]?.turns.map(({ type }) => type)).toEqual(['system', 'user', 'model', 'user', 'model']);
    expect(said.match(/<tool_response>/g)).toHaveLength(3);
  });
});

describe('a reply', () => {
  test('is text in whole characters, and then the same text at once', async () => {
    const { model } = local({ says: ['Grüße 😀 漢'] });
    const all = await events(model.getStreamedResponse(asking()));
    expect(deltasOf(all)).toEqual(Array.from('Grüße 😀 漢'));
    const { output, usage } = await model.getResponse(asking());
    expect(output).toMatchObject([{ role: 'assistant', status: 'completed', content: [{ text: 'Grüße 😀 漢' }] }]);
    expect(usage).toMatchObject({ requests: 1, outputTokens: 16 });
  });

  test('shows what is said before a call, and nothing of the call', async () => {
    const { model } = local({ says: [`Is a <b> in it?\n${call('weather', '{"city": "<tool_call>"}')}`] });
    const all = await events(model.getStreamedResponse(asking({ tools: [weather] })));
    expect(deltasOf(all).join('')).toBe('Is a <b> in it?');
    const last = all.at(-1);
    expect(last?.type === 'response_done' && last.response.output).toMatchObject([
      { type: 'message', content: [{ text: 'Is a <b> in it?' }] },
      { type: 'function_call', name: 'weather', arguments: '{"city":"<tool_call>"}' },
    ]);
  });

  test('text that only looks like the start of a call is shown to its end', async () => {
    const { model } = local({ says: ['less < more <tool_'] });
    const all = await events(model.getStreamedResponse(asking({ tools: [weather] })));
    expect(deltasOf(all).join('')).toBe('less < more <tool_');
  });

  test('whatever the grammar allows is a valid reply', async () => {
    const outputType = { type: 'json_schema' as const, name: 'o', strict: true, schema: weather.parameters };
    const other = { ...weather, name: 'get.it', namespace: 'more' };
    for (const toolChoice of ['auto', 'required', 'none', 'weather']) {
      for (const structured of [true, false]) {
        const requested = asking({
          tools: [weather, other],
          modelSettings: { toolChoice, parallelToolCalls: true },
          ...(structured && { outputType }),
        });
        for (const numbers of fc.sample(fc.array(fc.nat(1000), { minLength: 40 }), 40)) {
          let at = 0;
          const written = (grammar = ''): string =>
            grammar === '' ? 'free' : sample(readGrammar(grammar), (n) => (numbers[at++ % numbers.length] ?? 0) % n);
          const { model } = local({ says: [(asked) => written(asked.grammar)] });
          const { output } = await model.getResponse(requested);
          const calls = output.filter(({ type }) => type === 'function_call');
          if (toolChoice === 'none') expect(calls).toEqual([]);
          if (toolChoice === 'required' || toolChoice === 'weather') expect(calls.length).toBeGreaterThan(0);
          for (const item of output) {
            if (item.type === 'function_call') {
              expect(Object.keys(JSON.parse(item.arguments))).toEqual(['city']);
              expect([item.name, item.namespace]).toEqual(item.namespace ? ['get.it', 'more'] : ['weather', undefined]);
              if (toolChoice === 'weather') expect(item.name).toBe('weather');
            } else if (structured && item.type === 'message') {
              expect(JSON.parse(Object(item.content[0]).text)).toEqual({ city: expect.any(String) });
            }
          }
        }
      }
    }
  });

  test('one call at a time unless several are asked for', async () => {
    const { model, seen } = local({ says: ['x'] });
    await model.getResponse(asking({ tools: [weather] }));
    const grammar = readGrammar(seen.asked[0]?.grammar ?? '');
    let at = 1;
    const texts = Array.from({ length: 300 }, () => sample(grammar, (n) => (at = (at * 48_271) % 2_147_483_647) % n));
    expect(Math.max(...texts.map((text) => text.split(CALL_END).length - 1))).toBeLessThan(2);
  });

  test('at maxTokens text is incomplete, and half a call or half an object is none', async () => {
    const modelSettings = { maxTokens: 20 };
    const { model } = local({ says: ['a long, long story that goes on'] });
    const { output } = await model.getResponse(asking({ modelSettings }));
    expect(output).toMatchObject([{ status: 'incomplete', content: [{ text: 'a long, long story t' }] }]);
    const calling = local({ says: [call('weather', '{"city": "Oslo"}')] }).model;
    await expect(calling.getResponse(asking({ tools: [weather], modelSettings }))).rejects.toMatchObject({
      code: 'model/incomplete',
      message: expect.stringContaining('inside of a tool call'),
    });
  });
});

describe('usage and settings', () => {
  test('what the next prompt begins with is not read again, and counted as cached', async () => {
    const { model, seen } = local({ says: ['yes'] });
    const input: AgentInputItem[] = [{ type: 'message', role: 'user', content: 'A question' }];
    const first = await model.getResponse(asking({ input }));
    const second = await model.getResponse(
      asking({ input: [...input, ...first.output, { role: 'user', content: 'More' }] }),
    );
    const cached = second.usage.inputTokensDetails[0]?.['cached_tokens'] ?? 0;
    expect(first.usage.inputTokensDetails).toEqual([{ cached_tokens: 0 }]);
    expect(cached).toBe(first.usage.inputTokens + 'yes'.length);
    expect(seen.evaluated[1]).toBe(second.usage.inputTokens - cached);
  });

  test('settings go to the library in its words', async () => {
    const { model, seen } = local({ says: ['yes'] });
    await model.getResponse(
      asking({ modelSettings: { temperature: 0.5, topP: 0.9, presencePenalty: 1, providerData: { seed: 7 } } }),
    );
    expect(seen.asked[0]?.options).toMatchObject({
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      repeatPenalty: { presencePenalty: 1 },
    });
  });

  test('the context is no larger than the model was trained for', async () => {
    const { model, seen } = local({ says: ['yes'], trained: 512 }, { threads: 2 });
    await model.load();
    expect(seen.contexts).toEqual([{ contextSize: 512, threads: 2 }]);
  });
});

describe('what goes wrong', () => {
  test('a conversation or a reply that does not fit is a context_window error', async () => {
    const { model } = local({ says: ['word '.repeat(30)] }, { contextSize: 100 });
    const long = model.getResponse(asking({ input: 'x'.repeat(100) }));
    await expect(long).rejects.toMatchObject({ code: 'model/context_window', retryable: false });
    await expect(model.getResponse(asking())).rejects.toMatchObject({
      code: 'model/context_window',
      responseStarted: true,
    });
  });

  test('an abort ends a reply with its reason, and the next one is written well', async () => {
    const { model } = local({ says: ['a story without an end', 'fine'] });
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const event of model.getStreamedResponse(asking({ signal: controller.signal }))) {
        if (event.type === 'output_text_delta') controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await expect(model.getResponse(asking({ signal: controller.signal }))).rejects.toBe(reason);
    expect((await model.getResponse(asking())).output).toMatchObject([{ content: [{ text: 'fine' }] }]);
  });

  test('replies are written one after the other, and leaving the line does not let the next one in early', async () => {
    const { model, seen } = local({ says: ['first', 'second'] });
    const controller = new AbortController();
    const first = model.getStreamedResponse(asking());
    await first.next();
    const leaving = model.getResponse(asking({ signal: controller.signal }));
    const last = model.getResponse(asking());
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen.asked).toHaveLength(1);
    expect(deltasOf(await events(first)).join('')).toBe('first');
    expect((await last).output).toMatchObject([{ content: [{ text: 'second' }] }]);
  });

  test('a reader who leaves early frees the model', async () => {
    const { model } = local({ says: ['a long story', 'fine'] });
    for await (const event of model.getStreamedResponse(asking())) if (event.type === 'output_text_delta') break;
    expect((await model.getResponse(asking())).output).toMatchObject([{ content: [{ text: 'fine' }] }]);
  });

  test('without the library, the file or the right hash, the error says what to do', async () => {
    const bare = new LlamaModel({ modelPath: modelFile() });
    await expect(bare.load()).rejects.toMatchObject({
      code: 'local-model/no-library',
      message: /npm install node-llama-cpp/,
    });
    const gone = local({ says: [] }, { modelPath: '/nowhere/model.gguf' });
    await expect(gone.model.load()).rejects.toMatchObject({
      code: 'local-model/no-file',
      message: /\/nowhere\/model.gguf/,
    });
    const modelPath = modelFile('right');
    const sha256 = (await fileSha256(modelPath)).toUpperCase();
    const { model, seen } = local({ says: ['ok'] }, { modelPath, sha256 });
    writeFileSync(modelPath, 'wrong');
    await expect(model.getResponse(asking())).rejects.toMatchObject({ code: 'local-model/checksum' });
    expect(seen.loads).toEqual([]);
    writeFileSync(modelPath, 'right');
    await model.getResponse(asking());
    expect(seen.loads).toEqual([modelPath]);
  });

  test('close frees the memory, and a later request loads anew', async () => {
    const { model, seen } = local({ says: ['ok'] });
    await Promise.all([model.getResponse(asking()), model.getResponse(asking())]);
    expect(seen.loads).toHaveLength(1);
    await model.close();
    await model.close();
    expect(seen.disposed).toBe(1);
    await model.getResponse(asking());
    expect(seen.loads).toHaveLength(2);
  });

  test('what a local model cannot do is a UserError before anything is loaded', async () => {
    const { model, seen } = local({ says: ['ok'] });
    const hosted = asking({ tools: [{ type: 'hosted_tool', name: 'web_search' }] });
    await expect(model.getResponse(hosted)).rejects.toThrow('nobody to run the hosted tool "web_search"');
    await expect(model.getResponse(asking({ conversationId: 'c' }))).rejects.toThrow('conversationId');
    const choice = asking({ tools: [weather], modelSettings: { toolChoice: 'gone' } });
    await expect(model.getResponse(choice)).rejects.toThrow('"gone" is no tool. Available: weather');
    expect(() => new LlamaModel({ modelPath: 'x', contextSize: 0 })).toThrow('contextSize is 0');
    expect(() => new LlamaModel({ modelPath: 'x', sha256: 'abc' })).toThrow('64 hexadecimal digits');
    expect(seen.loads).toEqual([]);
  });
});
