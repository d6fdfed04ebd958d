import { describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelProvider } from '../../protocol/model.ts';
import { ScriptedModel } from '../../testing/index.ts';
import { createModelRegistry, splitSettings } from './index.ts';

describe('settings in a name', () => {
  test.each([
    ['gpt-5.4', 'gpt-5.4', undefined],
    ['gpt-5.4?effort=high', 'gpt-5.4', { reasoning: { effort: 'high' } }],
    ['m?verbosity=low&temperature=0.2&topP=0.9', 'm', { text: { verbosity: 'low' }, temperature: 0.2, topP: 0.9 }],
    ['m?maxTokens=100&timeoutMs=5000', 'm', { maxTokens: 100, timeoutMs: 5000 }],
    // Only the last ? counts, and only with known keys: the rest is the name.
    ['a?b?effort=low', 'a?b', { reasoning: { effort: 'low' } }],
    ['deploy?api-version=1', 'deploy?api-version=1', undefined],
    ['what?', 'what?', undefined],
    ['ft:gpt-4o:org::id@2', 'ft:gpt-4o:org::id@2', undefined],
  ])('%s', (text, name, settings) => {
    expect(splitSettings(text)).toEqual({ name, ...(settings && { settings }) });
  });

  test.each([
    ['m?efort=high', 'Did you mean "effort"?'],
    ['m?effort=high&color=red', 'unknown setting "color"'],
    ['m?effort=huge', 'It takes: none, minimal, low'],
    ['m?maxTokens=-1', 'a whole number above 0'],
    ['m?temperature=', 'a number'],
  ])('%s is an error', (text, says) => {
    expect(() => splitSettings(text)).toThrow(UserError);
    expect(() => splitSettings(text)).toThrow(says);
  });
});

describe('a registry of providers', () => {
  const asked: string[] = [];
  const named = (own: string): ModelProvider => ({
    getModel(name = '') {
      asked.push(`${own}:${name}`);
      return new ScriptedModel();
    },
  });
  const registry = createModelRegistry(
    {
      openai: named('openai'),
      anthropic: named('anthropic'),
      local: (name): Model => (asked.push(`local:${name}`), new ScriptedModel()),
    },
    {},
  );

  test.each([
    ['openai/gpt-5.4', 'openai:gpt-5.4'],
    ['anthropic/claude-opus-4-7@20260101', 'anthropic:claude-opus-4-7@20260101'],
    ['openai/openai/gpt-5.4:free', 'openai:openai/gpt-5.4:free'],
    ['local/qwen3:8b?effort=low', 'local:qwen3:8b'],
  ])('%s is asked for as %s', async (text, expected) => {
    asked.length = 0;
    await registry.getModel(text);
    expect(asked).toEqual([expected]);
  });

  test.each([
    ['antropic/claude', 'did you mean "anthropic"?'],
    ['mistral/large', 'no provider is registered as "mistral". Registered: openai, anthropic, local'],
    ['gpt-5.4', 'no prefix'],
    ['toString/x', 'no provider is registered as "toString"'],
  ])('%s is an error that says what to do', async (text, says) => {
    expect(() => registry.checkModel(text)).toThrow(says);
    await expect(registry.getModel(text)).rejects.toThrow(UserError);
  });

  test('passes names without a registered prefix on to its fallback, untouched', async () => {
    asked.length = 0;
    const open = createModelRegistry({ openai: named('openai'), router: named('router') }, { fallback: 'router' });
    await open.getModel('meta-llama/llama-4:free');
    await open.getModel('gpt-5.4');
    await open.getModel('openai/gpt-5.4');
    expect(asked).toEqual(['router:meta-llama/llama-4:free', 'router:gpt-5.4', 'openai:gpt-5.4']);
    expect(() => createModelRegistry({ openai: named('x') }, { fallback: 'y' })).toThrow(UserError);
  });
});
