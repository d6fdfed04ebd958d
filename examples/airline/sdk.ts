/** The one place where this example imports the SDK. */
import { cassette } from '../../src/cassettes/index.ts';
import {
  createOpenAIClient,
  type Model,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  RunStore,
  sqliteLog,
} from '../../src/index.ts';

export { Agent, AnthropicModel, fromAiSdk, MemorySession, run, SQLiteSession, tool } from '../../src/index.ts';
export type { AiSdkLanguageModel, AnyAgent, Model, RunContext, RunItem, RunStore, Session } from '../../src/index.ts';

/** A store of durable runs in a SQLite file. */
export const openStore = (path: string): RunStore => new RunStore({ log: sqliteLog({ path, synchronous: 'normal' }) });

/** The model on the cassette in `file`: what it lacks is asked of the model, and recorded. */
export const onCassette = (model: Model, file: string): Model => cassette({ file, mode: 'auto', model });

/** A model that speaks Chat Completions with the server at `baseURL`. */
export const chatModel = (baseURL: string): Model =>
  new OpenAIChatCompletionsModel(createOpenAIClient({ baseURL, apiKey: 'replay' }), 'gpt-4o');

/** A model that speaks the Responses API with the server at `baseURL`. */
export const responsesModel = (baseURL: string): Model =>
  new OpenAIResponsesModel(createOpenAIClient({ baseURL, apiKey: 'replay' }), 'gpt-5.4');
