/** What is measured beside our own: installed into bench/node_modules, black boxes, none of them a dependency of ours. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

type Streams = { create(body: object): Promise<AsyncIterable<unknown>> };
type Client = { baseURL: string; apiKey: string; maxRetries?: number };
export type AiSdkModel = {
  doStream(options: object): Promise<{ stream: ReadableStream<unknown> }>;
  doGenerate(options: object): Promise<unknown>;
};

export type Peers = {
  openai: (client: Client) => { responses: Streams; chat: { completions: Streams } };
  anthropic: (client: Client) => { messages: Streams };
  aiOpenAI: (client: Client) => { responses(model: string): AiSdkModel; chat(model: string): AiSdkModel };
  aiAnthropic: (client: Client) => (model: string) => AiSdkModel;
  generateText: (options: object) => Promise<unknown>;
};

export async function loadPeers(): Promise<Peers> {
  if (!existsSync(join(bench, 'node_modules', '@ai-sdk', 'anthropic'))) {
    console.log('Installing the peers into bench/node_modules');
    execFileSync('npm', ['ci', '--prefix', bench], { stdio: 'inherit' });
  }
  // By a variable: they are not there for the type checker.
  const load = (name: string): Promise<Record<string, unknown>> => import(name);
  const [openai, anthropic, aiOpenAI, aiAnthropic, ai] = await Promise.all(
    ['openai', '@anthropic-ai/sdk', '@ai-sdk/openai', '@ai-sdk/anthropic', 'ai'].map(load),
  );
  const OpenAI = openai?.['default'] as new (client: Client) => ReturnType<Peers['openai']>;
  const Anthropic = anthropic?.['default'] as new (client: Client) => ReturnType<Peers['anthropic']>;
  return {
    openai: (client) => new OpenAI(client),
    anthropic: (client) => new Anthropic(client),
    aiOpenAI: aiOpenAI?.['createOpenAI'] as Peers['aiOpenAI'],
    aiAnthropic: aiAnthropic?.['createAnthropic'] as Peers['aiAnthropic'],
    generateText: ai?.['generateText'] as Peers['generateText'],
  };
}
