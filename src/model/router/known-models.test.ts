import { describe, expect, test } from 'vitest';
import { knownCapabilities } from './index.ts';
import { bench, failure, FakeModel, requestOf, textOf } from './router.fixture.ts';

const named = (name: string, ...steps: ConstructorParameters<typeof FakeModel>[1][]): FakeModel => {
  const model = new FakeModel(name, ...steps.filter((step) => step !== undefined));
  return Object.assign(model, { origin: { provider: 'openai', api: 'openai-chat', model: name } });
};
const picture = requestOf({
  input: [{ role: 'user', content: [{ type: 'input_image', image: 'data:image/png;base64,AA==' }] }],
});
const long = requestOf({ input: [{ role: 'user', content: 'x'.repeat(8 * 300_000) }] });

test('models are known by vendor and name, with or without a date', () => {
  expect(knownCapabilities({ provider: 'openai', model: 'gpt-5.4' })).toEqual({ contextWindow: 1_050_000 });
  for (const model of ['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-latest'])
    expect(knownCapabilities({ provider: 'azure', model })?.contextWindow).toBe(128_000);
  expect(knownCapabilities({ provider: 'anthropic', model: 'claude-sonnet-4-5-20250929' })?.contextWindow).toBe(
    200_000,
  );
  expect(knownCapabilities({ provider: 'google.generative-ai', model: 'gemini-2.5-pro' })).toBeDefined();
  for (const [provider, model] of [
    ['ollama', 'gpt-4'],
    ['openai', 'constructor'],
    ['__proto__', 'gpt-4'],
    ['openai', 'gpt-99'],
  ] as const)
    expect(knownCapabilities({ provider, model })).toBeUndefined();
});

describe('a target that lacks what is needed, as far as is known,', () => {
  test('is asked after the others', async () => {
    const [blind, seeing] = [named('o3-mini'), named('gpt-5.4')];
    expect(await textOf(bench({ main: [blind, seeing] }).router('main'), picture)).toBe('gpt-5.4 says');
    expect(await textOf(bench({ main: [blind, seeing] }).router('main'))).toBe('o3-mini says');
    expect(await textOf(bench({ main: [named('gpt-4o'), seeing] }).router('main'), long)).toBe('gpt-5.4 says');
  });

  test('is asked all the same where no other one can be', async () => {
    expect(await textOf(bench({ main: named('o3-mini') }).router('main'), picture)).toBe('o3-mini says');
    const broken = named('gpt-5.4', failure('auth'));
    expect(await textOf(bench({ main: [named('o3-mini'), broken] }).router('main'), picture)).toBe('o3-mini says');
  });

  test('is asked first where the router was told otherwise', async () => {
    const capabilities = { 'openai/o3-mini': { vision: true } };
    const { router } = bench({ main: [named('o3-mini'), named('gpt-5.4')] }, { capabilities });
    expect(await textOf(router('main'), picture)).toBe('o3-mini says');
  });
});
