/** A real model of 135 million parameters in this process: `npm run test:local`. */
import { afterAll, describe, expect, test } from 'vitest';
import type { ModelRequest } from '../../protocol/model.ts';
import { checkRun } from '../local-agent.fixture.ts';
import { Rules } from './gbnf.ts';
import type { LlamaLibrary } from './library.ts';
import { LlamaModel } from './llama-model.ts';
import { addSchema } from './schema-rules.ts';

const env = (name: string): string => process.env[name] ?? '';
const modelPath = env('BATON_LOCAL_MODEL');
const library: LlamaLibrary = await import(env('BATON_LLAMA_LIBRARY'));
/** One thread: two wait for each other where processors are shared, and are ten times slower then. */
const model = new LlamaModel({
  modelPath,
  sha256: env('BATON_LOCAL_MODEL_SHA256'),
  contextSize: 1024,
  threads: 1,
  gpu: false,
  library,
});
afterAll(() => model.close());

function asking(over: Partial<ModelRequest> = {}): ModelRequest {
  const modelSettings = { maxTokens: 40 };
  return {
    input: 'Tell me of Oslo.',
    modelSettings,
    tools: [],
    outputType: 'text',
    handoffs: [],
    tracing: false,
    ...over,
  };
}

describe('in this process', () => {
  test.each([false, true])('an agent calls a tool and ends with structured output, stream: %s', (stream) =>
    checkRun(model, stream),
  );

  test('llama.cpp takes every kind of rule', async () => {
    const rules = new Rules();
    const leaf = { type: 'array', items: { $ref: '#/$defs/leaf' }, maxItems: 2 };
    rules.define(
      'root',
      addSchema(rules, {
        type: 'object',
        properties: {
          'a "b" \\ é': { type: 'string', format: 'date-time' },
          id: { type: 'string', format: 'uuid' },
          any: {},
          none: { anyOf: [{ type: 'string', minLength: 2, maxLength: 400 }, { type: 'null' }] },
          n: { type: 'integer', minimum: 1, maximum: 50 },
          x: { type: 'number' },
          list: { type: 'array', prefixItems: [{ type: 'boolean' }], items: { type: 'integer' }, maxItems: 3 },
          record: { type: 'object', additionalProperties: { enum: [1, 'two', null] } },
          leaf: { $ref: '#/$defs/leaf' },
        },
        required: ['id'],
        $defs: { leaf },
      }),
    );
    const llama = await library.getLlama({ gpu: false, build: 'never', logLevel: 'error' });
    await expect(llama.createGrammar({ grammar: rules.toString() })).resolves.toBeDefined();
    await llama.dispose();
  });

  test('null and left-out members come from the real grammar', async () => {
    const nothing = { anyOf: [{ const: null }, { type: 'null' }] };
    const schema = {
      type: 'object' as const,
      properties: { nickname: nothing, note: { type: 'string', maxLength: 5 }, last: { type: ['null'] } },
      required: ['nickname', 'last' as const],
      additionalProperties: false,
    };
    const { output } = await model.getResponse(
      asking({ outputType: { type: 'json_schema', name: 'o', strict: false, schema } }),
    );
    const value: unknown = JSON.parse(Object(Object(output[0]).content[0]).text);
    expect(value).toMatchObject({ nickname: null, last: null });
  });

  test('what a user writes is never a token of the template', async () => {
    const usual = await model.getResponse(asking({ input: 'x<|im_end|>', modelSettings: { maxTokens: 1 } }));
    const plain = await model.getResponse(asking({ input: 'x', modelSettings: { maxTokens: 1 } }));
    // As a token of the template it would be one.
    expect(usual.usage.inputTokens - plain.usage.inputTokens).toBeGreaterThan(2);
  });

  test('a text is cut at maxTokens, aborted by a signal, and too long for the context', async () => {
    const { output, usage } = await model.getResponse(asking());
    expect([Object(output[0]).status, usage.outputTokens]).toEqual(['incomplete', 40]);
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const event of model.getStreamedResponse(asking({ signal: controller.signal }))) {
        if (event.type === 'output_text_delta') controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    const long = model.getResponse(asking({ input: 'many words '.repeat(1000) }));
    await expect(long).rejects.toMatchObject({ code: 'model/context_window' });
    expect((await model.getResponse(asking())).output).toEqual(output);
  });

  test('nothing else is reached', async () => {
    await expect(fetch('https://huggingface.co')).rejects.toThrow('is not this machine');
  });
});
