/** What the presets share: servers that speak Chat Completions, each with an address, a key and habits of its own. */
import type { HistoryCapabilities } from '../../../model/index.ts';
import { env, type ApiKey } from '../../../model/vendor-http.ts';
import { UserError } from '../../../protocol/errors.ts';
import type { ModelSettings } from '../../../protocol/model.ts';
import type { Fetch, WireTimeouts } from '../../../wire/index.ts';
import type { ChatDialect } from '../chat/dialect.ts';
import type { OpenAIChatCompletionsModelOptions } from '../chat/model.ts';
import { bearer, clientOf, withoutSlash, type OpenAIClient } from '../client.ts';

/** How the server is reached, and what is special about it. */
export type PresetConnection = {
  /** A key, or a function that is asked for one before each attempt. @default the server's environment variable */
  apiKey?: ApiKey;
  /** @default the server's environment variable, else where it usually is */
  baseURL?: string;
  /** Headers of every request. */
  headers?: Record<string, string>;
  /** For proxies, tests and recordings. @default globalThis.fetch */
  fetch?: Fetch;
  /** How long the server may be silent, in milliseconds. @default 300_000 for headers and between chunks */
  timeouts?: WireTimeouts;
  /** A label of the credential (never the key), where thoughts are bound to it. */
  project?: string;
  /** What histories of other models may hold here; see docs/history.md. */
  history?: HistoryCapabilities;
  /**
   * Send the schema of an answer as one more tool where there are tools too; its call comes back as the message.
   * @default false, but for llama.cpp's server, which cannot combine the two
   */
  finalTool?: boolean;
};

/** Settings of every request; the agent's are laid over them. Retries and time limits are the agent's alone. */
export type PresetSettings = Omit<ModelSettings, 'retry' | 'timeoutMs'>;

/** A model behind one of the presets. */
export type PresetModelOptions = PresetConnection & PresetSettings & { model: string };

/** A server that is known by name. */
export type Preset = {
  /** In origins, and for what the server says beside its answers in `providerData`. */
  provider: string;
  dialect: ChatDialect;
  baseURL: { variable: string; otherwise: string };
  key: { variable: string; required: boolean };
  headers?: Record<string, string | undefined>;
  history?: HistoryCapabilities;
};

type Arguments = [client: OpenAIClient, model: string, options: OpenAIChatCompletionsModelOptions];

/** What the model of a preset is made of. @throws UserError where no model is named */
export function presetArguments(preset: Preset, options: PresetModelOptions): Arguments {
  const { model, apiKey, baseURL, headers, fetch, timeouts, project, history, finalTool, ...settings } = options;
  const { provider, dialect } = preset;
  if (typeof model !== 'string' || model.trim() === '') {
    throw new UserError(
      `A ${dialect.name} model needs a name: new …({ model: 'name' }). Got ${JSON.stringify(model)}.`,
    );
  }
  const urlOf = (): string => withoutSlash(baseURL ?? env(preset.baseURL.variable) ?? preset.baseURL.otherwise);
  const client = clientOf(urlOf, {
    name: dialect.name,
    urlOf: (path) => `${urlOf()}${path}`,
    // Servers without a key are often given an empty one.
    apiKey: () =>
      !preset.key.required && apiKey === '' ? undefined : (apiKey ?? env(preset.key.variable) ?? missingKey(preset)),
    auth: bearer,
    headers: () => ({ ...preset.headers, ...headers }),
    fetch,
    timeouts,
  });
  return [
    client,
    model,
    {
      provider,
      dialect,
      settings,
      history: { ...preset.history, ...history },
      ...(project !== undefined && { project }),
      ...(finalTool !== undefined && { finalTool }),
    },
  ];
}

function missingKey({ dialect: { name }, key: { variable, required } }: Preset): undefined {
  if (!required) return undefined;
  throw new UserError(
    `No ${name} API key: the environment variable ${variable} is not set and no \`apiKey\` was given. ` +
      'Set the variable, or pass `apiKey`.',
  );
}
