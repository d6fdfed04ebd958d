import type { Adapter } from '../library.ts';
import { loadAgentsApi } from './agents-api.ts';

export const openaiAgents: Adapter = { label: '@openai/agents', specifier: '@openai/agents', load: loadAgentsApi };
