/**
 * What well-known models can do, by their vendor and name.
 *
 * Source: `model_prices_and_context_window_backup.json` of LiteLLM 1.108.7 (PyPI, MIT), read on 2026-11-25:
 * `max_input_tokens` and `max_output_tokens` (together, where the vendor counts them together), `supports_vision`,
 * `supports_function_calling`, `supports_response_schema`. What is not said here is taken to be so.
 *
 * The table may be out of date, so it forbids nothing: a target that lacks something by it is asked after the others.
 */
import type { PricedModel } from '../prices/index.ts';
import type { ModelCapabilities } from './types.ts';

type Table = { readonly [model: string]: ModelCapabilities };

/** Context windows in tokens, each with the models that have it. */
type Windows = readonly (readonly [contextWindow: number, ...models: string[]])[];

const tableOf = (windows: Windows, others: Table = {}): Table => ({
  ...others,
  ...Object.fromEntries(
    windows.flatMap(([contextWindow, ...models]) => models.map((model) => [model, { contextWindow }])),
  ),
});

const OPENAI: Table = /* @__PURE__ */ tableOf(
  [
    [128_000, 'gpt-4o', 'gpt-4o-mini', 'gpt-5-chat', 'gpt-5.1-chat', 'gpt-5.2-chat', 'gpt-5.3-chat'],
    [200_000, 'o1', 'o1-pro', 'o3', 'o3-pro', 'o4-mini'],
    [400_000, 'gpt-5', 'gpt-5-mini', 'gpt-5-nano', 'gpt-5-codex', 'gpt-5.1', 'gpt-5.1-codex'],
    [400_000, 'gpt-5.1-codex-max', 'gpt-5.1-codex-mini', 'gpt-5.2', 'gpt-5.2-codex', 'gpt-5.2-pro'],
    [400_000, 'gpt-5.3-codex', 'gpt-5.4-mini', 'gpt-5.4-nano'],
    [1_047_576, 'gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano'],
    [1_050_000, 'gpt-5.4', 'gpt-5.4-pro', 'gpt-5.5', 'gpt-5.5-pro', 'gpt-5.6'],
    [1_050_000, 'gpt-5.6-luna', 'gpt-5.6-sol', 'gpt-5.6-terra'],
  ],
  {
    'gpt-3.5-turbo': { vision: false, structuredOutput: false, contextWindow: 16_385 },
    'gpt-4': { vision: false, structuredOutput: false, contextWindow: 8192 },
    'gpt-4-turbo': { structuredOutput: false, contextWindow: 128_000 },
    'o3-mini': { vision: false, contextWindow: 200_000 },
    'o3-deep-research': { tools: false, contextWindow: 200_000 },
    'o4-mini-deep-research': { tools: false, contextWindow: 200_000 },
  },
);

const ANTHROPIC: Table = /* @__PURE__ */ tableOf([
  [200_000, 'claude-haiku-4-5', 'claude-opus-4-5', 'claude-sonnet-4-5'],
  [1_000_000, 'claude-opus-4-6', 'claude-opus-4-7', 'claude-opus-4-8', 'claude-sonnet-4-6'],
  [1_000_000, 'claude-opus-5', 'claude-opus-5-5', 'claude-sonnet-5', 'claude-sonnet-5-5'],
  [1_000_000, 'claude-haiku-5-5', 'claude-fable-5', 'claude-mythos-5'],
]);

const GOOGLE: Table = /* @__PURE__ */ tableOf([
  // Input and output are counted apart.
  [1_114_112, 'gemini-2.5-flash', 'gemini-2.5-flash-lite', 'gemini-2.5-pro', 'gemini-3-flash-preview'],
  [1_114_112, 'gemini-3.1-pro-preview', 'gemini-3.1-flash-lite', 'gemini-3.5-flash', 'gemini-3.6-flash'],
  [1_114_112, 'gemini-3.5-flash-lite', 'gemini-3.7-flash', 'gemini-3.8-flash'],
]);

/** As adapters, registries and the AI SDK call them: `google.generative-ai` begins with its vendor. */
const VENDORS: { readonly [provider: string]: Table } = {
  openai: OPENAI,
  azure: OPENAI,
  anthropic: ANTHROPIC,
  google: GOOGLE,
  gemini: GOOGLE,
};

/** A snapshot's date, or what stands for the newest one. */
const SNAPSHOT = /-(?:latest|\d{4}-\d{2}-\d{2}|\d{8})$/;

/**
 * What is known of a model: its context window in tokens, and which of tools, schemas and images it lacks. `undefined`
 * for a model that is not in the table. Of several snapshots of one model the table knows the model.
 *
 * @param model its vendor as adapters call it (`openai`, `azure`, `anthropic`, `google`), and its name
 */
export function knownCapabilities({ provider, model }: PricedModel): ModelCapabilities | undefined {
  const [vendor = ''] = provider.toLowerCase().split('.');
  const table = Object.hasOwn(VENDORS, vendor) ? VENDORS[vendor] : undefined;
  const name = model.replace(SNAPSHOT, '');
  return table && Object.hasOwn(table, name) ? table[name] : undefined;
}
