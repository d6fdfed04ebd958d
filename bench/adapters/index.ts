import type { Adapter } from '../library.ts';
import { aiSdk } from './ai-sdk.ts';
import { baton } from './baton.ts';
import { langchain } from './langchain.ts';
import { openaiAgents } from './openai-agents.ts';

/** By the name that `--only` takes, in the order of the table. */
export const adapters: ReadonlyMap<string, Adapter> = new Map([
  ['baton', baton],
  ['openai', openaiAgents],
  ['ai', aiSdk],
  ['langchain', langchain],
]);
