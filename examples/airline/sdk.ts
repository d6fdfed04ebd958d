/** The one place where this example imports the SDK. */
import { createOpenAIClient, type Model, OpenAIChatCompletionsModel } from '../../src/index.ts';

export { Agent, MemorySession, run, SQLiteSession, tool } from '../../src/index.ts';
export type { Model, RunContext, RunItem, Session } from '../../src/index.ts';

/** A model that speaks Chat Completions with the server at `baseURL`. */
export const chatModel = (baseURL: string): Model =>
  new OpenAIChatCompletionsModel(createOpenAIClient({ baseURL, apiKey: 'replay' }), 'gpt-4o');
