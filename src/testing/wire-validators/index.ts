/** What each vendor answers 400 to, as a function of a request's body. The fake server uses the same checks. */
import { checkChatRequest } from '../fake-server/check-chat.ts';
import { checkMessagesRequest } from '../fake-server/check-messages.ts';
import { checkResponsesRequest } from '../fake-server/check-responses.ts';
import { Problem, type Json } from '../fake-server/problem.ts';
import type { HistoryWire } from '../../model/index.ts';
import { checkAiSdkPrompt } from './ai-sdk.ts';
import { checkGeminiRequest } from './gemini.ts';

const CHECKS: Record<HistoryWire, (body: Json) => void> = {
  'openai-responses': checkResponsesRequest,
  'openai-chat': checkChatRequest,
  anthropic: checkMessagesRequest,
  gemini: checkGeminiRequest,
  'ai-sdk': checkAiSdkPrompt,
};

/**
 * Why a vendor would refuse a request, or `undefined` where it would take it.
 *
 * @param wire whose rules
 * @param body the request's body, as JSON; for `ai-sdk` an object with the `prompt`
 * @example
 * ```ts
 * import { wireProblem } from '@baton/agents/testing';
 *
 * const body = { model: 'claude-opus-4-7', max_tokens: 100, messages: [{ role: 'user', content: '' }] };
 * console.log(wireProblem('anthropic', body)); // messages.0: all messages must have non-empty content
 * ```
 */
export function wireProblem(wire: HistoryWire, body: Record<string, unknown>): string | undefined {
  try {
    CHECKS[wire](body);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
}
