/**
 * The only place where this example names its SDK: everything it uses comes through here.
 */
import OpenAI from 'openai';
import { OpenAIChatCompletionsModel, setTracingDisabled } from '@openai/agents';
import type { Model } from '@openai/agents';

export { Agent, MemorySession, run, tool } from '@openai/agents';
export type { Model, RunContext, RunItem } from '@openai/agents';

// The replay talks to loopback only; traces would leave the machine.
setTracingDisabled(true);

/** A Chat Completions model behind `baseURL`. The replay server wants a key, but any will do. */
export const chatModel = (baseURL: string): Model =>
  new OpenAIChatCompletionsModel(new OpenAI({ baseURL, apiKey: 'replay', maxRetries: 0 }), 'gpt-4o');
