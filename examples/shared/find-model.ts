/** Finds out which model this machine can use: OpenAI's, or one of a local server that speaks its API. */
import {
  getDefaultModel,
  type ModelProvider,
  OpenAIProvider,
  setDefaultModel,
  setDefaultModelProvider,
} from '@baton/agents';

export type FoundModel = {
  /** For people: `gpt-5.4-mini of OpenAI`. */
  readonly label: string;
  readonly name: string;
  readonly provider: ModelProvider;
  readonly local: boolean;
};

const LOCAL_SERVERS = [
  { name: 'Ollama', port: 11434 },
  { name: 'LM Studio', port: 1234 },
  { name: 'vLLM', port: 8000 },
  { name: 'llama.cpp', port: 8080 },
] as const;

/** Loopback answers at once or not at all. */
const PATIENCE_MS = 300;

/** The model of OPENAI_API_KEY, else of the first local server that answers, else nothing. */
export async function findModel(): Promise<FoundModel | undefined> {
  // The repository's checks are the same everywhere.
  if (process.env['BATON_DOCS'] === '1') return undefined;
  if (process.env['OPENAI_API_KEY']) {
    const name = getDefaultModel();
    return { label: `${name} of OpenAI`, name, provider: new OpenAIProvider(), local: false };
  }
  const found = await Promise.all(LOCAL_SERVERS.map(probe));
  return found.find((each) => each !== undefined);
}

/** Makes a model the one of all agents that name none. Call it before you make agents. */
export function useModel({ name, provider, local }: FoundModel): void {
  setDefaultModelProvider(provider);
  setDefaultModel(name);
  // An agent takes settings that suit the default model from its name, when it is made.
  if (local) process.env['OPENAI_DEFAULT_MODEL'] = name;
}

async function probe({ name: server, port }: (typeof LOCAL_SERVERS)[number]): Promise<FoundModel | undefined> {
  const baseURL = `http://127.0.0.1:${port}/v1`;
  try {
    const response = await fetch(`${baseURL}/models`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const name = response.ok ? chatModelIn(await response.json()) : undefined;
    if (name === undefined) return undefined;
    const provider = new OpenAIProvider({ baseURL, apiKey: 'local', useResponses: false });
    return { label: `${name} of ${server}`, name, provider, local: true };
  } catch {
    // Nobody listens there, or somebody else does.
    return undefined;
  }
}

/** A model of the list `{ data: [{ id }] }`: the one that OPENAI_DEFAULT_MODEL names, else the first that can chat. */
function chatModelIn(list: unknown): string | undefined {
  const data = typeof list === 'object' && list !== null && 'data' in list ? list.data : undefined;
  if (!Array.isArray(data)) return undefined;
  const names = data.flatMap((entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'id' in entry && typeof entry.id === 'string' ? [entry.id] : [],
  );
  const wanted = process.env['OPENAI_DEFAULT_MODEL'];
  return names.find((name) => name === wanted) ?? names.find((name) => !/embed|rerank|whisper/i.test(name));
}
