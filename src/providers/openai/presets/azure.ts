/**
 * Azure OpenAI, over Responses or Chat Completions: learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle.
 *
 * A deployment has a name of its own. The `deployments` map says which model it serves, for prices and capabilities.
 */
import type { HistoryCapabilities } from '../../../model/index.ts';
import { env, type ApiKey } from '../../../model/vendor-http.ts';
import { UserError } from '../../../protocol/errors.ts';
import type { Model, ModelProvider } from '../../../protocol/model.ts';
import type { Fetch, WireTimeouts } from '../../../wire/index.ts';
import { OpenAIChatCompletionsModel } from '../chat/model.ts';
import { bearer, clientOf, withoutSlash, type OpenAIClient } from '../client.ts';
import { OpenAIResponsesModel } from '../responses/model.ts';

/** What a deployment serves. */
export type AzureDeployment = {
  /** The model's own name, such as `gpt-5.4`: prices go by it, and it stands in the origin of answers. */
  model: string;
  /** What histories of other models may hold here. */
  history?: HistoryCapabilities;
};

export type AzureOpenAIProviderOptions = {
  /** `https://NAME.openai.azure.com`. @default AZURE_OPENAI_ENDPOINT */
  endpoint?: string;
  /** A key, or a function that is asked for one before each attempt. @default AZURE_OPENAI_API_KEY */
  apiKey?: ApiKey;
  /**
   * Gives a token of Microsoft Entra before each attempt, in place of a key: what `getBearerTokenProvider` of
   * `@azure/identity` returns for the scope `https://cognitiveservices.azure.com/.default`.
   */
  azureADTokenProvider?: () => string | Promise<string>;
  /** A date, such as `2024-10-21`, for the older API with deployments in the URL. @default none: the API named v1 */
  apiVersion?: string;
  /** Which wire: `true` for Responses, `false` for Chat Completions. @default true */
  useResponses?: boolean;
  /** Deployments by name, with the model that each serves. With it, other names are refused. */
  deployments?: Record<string, string | AzureDeployment>;
  /** A label of the credential (never the key), where thoughts are bound to it. */
  project?: string;
  /** For proxies, tests and recordings. @default globalThis.fetch */
  fetch?: Fetch;
  /** How long the server may be silent, in milliseconds. @default 300_000 for headers and between chunks */
  timeouts?: WireTimeouts;
};

const NAME = 'Azure OpenAI';

/**
 * Models of Azure OpenAI, by the names of their deployments, or by the models' names where `deployments` tells them.
 *
 * @throws UserError when a key and a token function are both given; at the first call where nothing says where and with
 * which key
 */
export class AzureOpenAIProvider implements ModelProvider {
  readonly #options: AzureOpenAIProviderOptions;
  readonly #client: OpenAIClient;

  constructor(options: AzureOpenAIProviderOptions = {}) {
    if (options.apiKey !== undefined && options.azureADTokenProvider) {
      throw new UserError('Give either apiKey or azureADTokenProvider to AzureOpenAIProvider, not both.');
    }
    this.#options = options;
    this.#client = azureClient(options);
  }

  /** @throws UserError where no deployment of that name or model is known */
  getModel(modelName?: string): Model {
    const { useResponses = true, project } = this.#options;
    const { deployment, model, history } = this.#find(modelName);
    const identity = {
      provider: 'azure',
      servedModel: model,
      ...(project !== undefined && { project }),
      ...(history && { history }),
    };
    return useResponses
      ? new OpenAIResponsesModel(this.#client, deployment, identity)
      : new OpenAIChatCompletionsModel(this.#client, deployment, { ...identity, dialect: { name: NAME } });
  }

  #find(name: string | undefined): AzureDeployment & { deployment: string } {
    const { deployments } = this.#options;
    if (name === undefined || name.trim() === '') {
      throw new UserError(`${NAME} needs the name of a deployment, and no model was named. Give the agent a model.`);
    }
    if (!deployments) return { deployment: name, model: name };
    const known = Object.entries(deployments).map(([deployment, of]) => ({
      deployment,
      ...(typeof of === 'string' ? { model: of } : of),
    }));
    const found = known.find(({ deployment }) => deployment === name) ?? known.find(({ model }) => model === name);
    if (found) return found;
    const names = known.map(({ deployment, model }) => `${deployment} (${model})`).join(', ');
    throw new UserError(`${NAME} has no deployment "${name}". Known: ${names || 'none'}. Add it to \`deployments\`.`);
  }
}

function azureClient(options: AzureOpenAIProviderOptions): OpenAIClient {
  const { apiKey, azureADTokenProvider: token, apiVersion, fetch, timeouts } = options;
  const resource = (): string =>
    withoutSlash(
      options.endpoint ?? env('AZURE_OPENAI_ENDPOINT') ?? missing('endpoint', 'AZURE_OPENAI_ENDPOINT'),
    ).replace(/\/openai(?:\/v1)?$/, '');
  return clientOf(resource, {
    name: NAME,
    urlOf: (path, { model }) => `${resource()}/openai${pathOf(path, { model, apiVersion })}`,
    apiKey: () => token ?? apiKey ?? env('AZURE_OPENAI_API_KEY') ?? missing('API key', 'AZURE_OPENAI_API_KEY'),
    auth: token ? bearer : (key) => ({ 'api-key': key }),
    headers: () => ({}),
    fetch,
    timeouts,
  });
}

function pathOf(path: string, { model, apiVersion }: { model: unknown; apiVersion: string | undefined }): string {
  if (apiVersion === undefined) return `/v1${path}`;
  const query = `?api-version=${encodeURIComponent(apiVersion)}`;
  if (!/^\d/.test(apiVersion)) return `/v1${path}${query}`;
  const deployment = path.startsWith('/responses') ? '' : `/deployments/${encodeURIComponent(String(model))}`;
  return `${deployment}${path}${query}`;
}

function missing(what: string, variable: string): never {
  const option = what === 'endpoint' ? '`endpoint`' : '`apiKey` or `azureADTokenProvider`';
  throw new UserError(
    `No ${NAME} ${what}: the environment variable ${variable} is not set and no ${option} was given. ` +
      `Set the variable, or pass ${option}.`,
  );
}
