/**
 * Errors as vendors and gateways sent them: bodies from public issue threads, with where and when they were posted.
 * Ids of accounts and requests are shortened. `wait`: milliseconds that the body itself asks for.
 */
import type { ModelErrorKind } from './errors.ts';

export type VendorError = {
  vendor: 'OpenAI' | 'Anthropic' | 'Google' | 'LiteLLM';
  status: number | undefined;
  body: object | string;
  /** The thread, and the day of the post where it is shown. */
  source: string;
  kind: ModelErrorKind;
  retry: boolean;
  wait?: number;
};

const anthropic = (type: string, message: string): object => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_011Cx',
});
const openai = (message: string, type: string, code: string, param: string | null = null): object => ({
  error: { message, type, param, code },
});
const google = (code: number, message: string, status: string, details?: object[]): object => ({
  error: { code, message, status, ...(details && { details }) },
});
const QUOTA =
  'You exceeded your current quota, please check your plan and billing details. For more information on this error, ' +
  'head to: https://ai.google.dev/gemini-api/docs/rate-limits.';
const violation = (quotaId: string, quotaValue: string): object => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [
    { quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests', quotaId, quotaValue },
  ],
});
const retryInfo = (retryDelay: string): object => ({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay });

export const VENDOR_ERRORS: VendorError[] = [
  {
    vendor: 'OpenAI',
    status: 429,
    body: openai(
      'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
      'insufficient_quota',
      'insufficient_quota',
    ),
    source: 'ChatGPTNextWeb/NextChat#3664, 2023-12-27',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'OpenAI',
    status: 429,
    body: openai(
      'Rate limit reached for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Used 18928, Requested 11159. Please try again in 174ms. Visit https://platform.openai.com/account/rate-limits to learn more.',
      'tokens',
      'rate_limit_exceeded',
    ),
    source: 'continuedev/continue#11472, 2026-03-16',
    kind: 'rate_limit',
    retry: true,
    wait: 174,
  },
  {
    vendor: 'OpenAI',
    status: 429,
    body: openai(
      'Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 30601. The input or output tokens must be reduced in order to run successfully. Visit https://platform.openai.com/account/rate-limits to learn more.',
      'tokens',
      'rate_limit_exceeded',
    ),
    source: 'DrShushen/climb#13, 2024-11-24',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'OpenAI',
    status: 400,
    body: openai(
      "This model's maximum context length is 4097 tokens. However, you requested 4120 tokens (3120 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.",
      'invalid_request_error',
      'context_length_exceeded',
      'messages',
    ),
    source: 'mckaywrigley/chatbot-ui#102, 2023-03-23',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'OpenAI',
    // Inside of a stream.
    status: undefined,
    body: {
      type: 'error',
      sequence_number: 2,
      error: {
        type: 'invalid_request_error',
        code: 'context_length_exceeded',
        message: 'Your input exceeds the context window of this model. Please adjust your input and try again.',
        param: 'input',
      },
    },
    source: 'anomalyco/opencode#6071, 2025-12-23',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 400,
    body: anthropic(
      'invalid_request_error',
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
    ),
    source: 'anthropics/claude-code#66314, 2026-06-08',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 400,
    body: anthropic(
      'invalid_request_error',
      'You have reached your specified API usage limits. You will regain access on 2026-04-01 at 00:00 UTC.',
    ),
    source: 'anthropics/claude-code#38035, 2026-03-24',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 429,
    body: anthropic('rate_limit_error', 'Extra usage is required for long context requests.'),
    source: 'anthropics/claude-code#29584, 2026-02-28',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 500,
    body: anthropic('api_error', 'Internal server error'),
    source: 'anthropics/claude-code#61368, 2026-05-22',
    kind: 'server',
    retry: true,
  },
  {
    vendor: 'Anthropic',
    status: 400,
    body: anthropic('invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
    source: 'anthropics/claude-code#12186, 2025-11-23',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 400,
    body: anthropic(
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit: 189136 + 20000 > 204648, decrease input length or `max_tokens` and try again',
    ),
    source: 'anthropics/claude-code#408, 2025-03-09',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 400,
    body: anthropic(
      'invalid_request_error',
      'max_tokens: 10000 > 4096, which is the maximum allowed number of output tokens for claude-3-5-sonnet-20240620',
    ),
    source: 'ChatGPTNextWeb/NextChat#4964, 2024-07-10',
    kind: 'bad_request',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    status: 401,
    body: anthropic('authentication_error', 'invalid x-api-key'),
    source: 'BerriAI/litellm#9466, 2025-03-22',
    kind: 'auth',
    retry: false,
  },
  {
    vendor: 'Anthropic',
    // Through its endpoint for OpenAI's wire.
    status: 429,
    body: openai(
      'This request would exceed the rate limit for your organization of 20,000 input tokens per minute. For details, refer to: https://docs.anthropic.com/en/api/rate-limits. You can see the response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or try again later.',
      'invalid_request_error',
      'rate_limit_error',
    ),
    source: 'FoundationAgents/OpenManus#746, 2025-03-16',
    kind: 'rate_limit',
    retry: true,
  },
  {
    vendor: 'Google',
    status: 503,
    body: google(503, 'The model is overloaded. Please try again later.', 'UNAVAILABLE'),
    source: 'google-gemini/gemini-cli#5191, 2025-07-30',
    kind: 'overloaded',
    retry: true,
  },
  {
    vendor: 'Google',
    status: 429,
    body: google(429, 'Resource has been exhausted (e.g. check quota).', 'RESOURCE_EXHAUSTED'),
    source: 'google-gemini/gemini-cli#2020, 2025-06-26',
    kind: 'rate_limit',
    retry: true,
  },
  {
    vendor: 'Google',
    status: 429,
    body: [
      google(
        429,
        'Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.',
        'RESOURCE_EXHAUSTED',
      ),
    ],
    source: 'google-gemini/gemini-cli#14831, 2025-12-09',
    kind: 'rate_limit',
    retry: true,
  },
  {
    vendor: 'Google',
    status: 429,
    body: google(
      429,
      `${QUOTA} To monitor your current usage, head to: https://ai.dev/rate-limit. `,
      'RESOURCE_EXHAUSTED',
    ),
    source: 'gke-labs/gemini-for-kubernetes-development#1215, 2026-07-23',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'Google',
    status: 429,
    body: google(
      429,
      `${QUOTA} \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 20, model: gemini-3.6-flash\nPlease retry in 36.429760048s.`,
      'RESOURCE_EXHAUSTED',
      [violation('GenerateRequestsPerDayPerProjectPerModel-FreeTier', '20'), retryInfo('36s')],
    ),
    source: 'diegosouzapw/OmniRoute#9504, 2026-08-01',
    kind: 'rate_limit',
    retry: true,
    wait: 36_000,
  },
  {
    vendor: 'Google',
    // As an SDK passes it on: the body as text within a body.
    status: 429,
    body: {
      error: {
        message: JSON.stringify(
          google(429, QUOTA, 'RESOURCE_EXHAUSTED', [
            violation('GenerateContentInputTokensPerModelPerMinute-FreeTier', '250000'),
            retryInfo('26s'),
          ]),
        ),
        code: 429,
        status: 'Too Many Requests',
      },
    },
    source: 'RooCodeInc/Roo-Code#3883, 2025-06-12',
    kind: 'rate_limit',
    retry: true,
    wait: 26_000,
  },
  {
    vendor: 'Google',
    status: 400,
    body: google(
      400,
      'The input token count (3475108) exceeds the maximum number of tokens allowed (1048576).',
      'INVALID_ARGUMENT',
    ),
    source: 'google-gemini/gemini-cli#4231, 2025-07-15',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'Google',
    status: 400,
    body: [
      google(400, 'API key not valid. Please pass a valid API key.', 'INVALID_ARGUMENT', [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'API_KEY_INVALID',
          domain: 'googleapis.com',
          metadata: { service: 'generativelanguage.googleapis.com' },
        },
      ]),
    ],
    source: 'continuedev/continue#8516, 2025-10-30',
    kind: 'auth',
    retry: false,
  },
  {
    vendor: 'LiteLLM',
    status: 429,
    body: openai(
      'Budget has been exceeded! Key=e7fbc61f Current cost: 0.0, Estimated request cost: 3.6432300000000004, Max budget: 2.5',
      'budget_exceeded',
      '429',
    ),
    source: 'BerriAI/litellm#40002, 2026',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'LiteLLM',
    status: 400,
    body: {
      error: {
        message:
          'litellm.BadRequestError: OpenAIException - Budget has been exceeded! Current cost: 14.1, Max budget: 100. Received Model Group=meta.llama3-8b-instruct-v1:0\nAvailable Model Group Fallbacks=None',
        type: null,
        param: null,
        code: '400',
      },
    },
    source: 'BerriAI/litellm#14144, 2025-09-04',
    kind: 'quota_exhausted',
    retry: false,
  },
  {
    vendor: 'LiteLLM',
    status: 429,
    body: openai(
      'No deployments available for selected model, Try again in 60 seconds. Passed model=claude-3-haiku-20240307. Try again in 60 seconds.',
      'None',
      '429',
      'None',
    ),
    source: 'BerriAI/litellm#5177, 2024-08-13',
    kind: 'rate_limit',
    retry: true,
    wait: 60_000,
  },
  {
    vendor: 'LiteLLM',
    status: 400,
    body: openai(
      "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - This model's maximum context length is 16384 tokens. However, your request has 19427 input tokens. Please reduce the length of the input messages. (parameter=input_tokens, value=19427)",
      'None',
      '400',
      'None',
    ),
    source: 'agent0ai/agent-zero#1102, 2026-02-22',
    kind: 'context_window',
    retry: false,
  },
  {
    vendor: 'LiteLLM',
    status: 400,
    body: openai(
      '{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: 21333 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229"},"request_id":"req_011CU"}. Received Model Group=claude-haiku-4-5-20251001\nAvailable Model Group Fallbacks=None',
      'None',
      '400',
      'None',
    ),
    source: 'anthropics/claude-code#11302, 2025-11-09',
    kind: 'bad_request',
    retry: false,
  },
  {
    vendor: 'LiteLLM',
    status: 401,
    body: openai(
      'Authentication Error, Invalid proxy server token passed. Received API Key = sk-...8aSP, Key Hash (Token) =569909a9. Unable to find token in cache or `LiteLLM_VerificationTokenTable`',
      'token_not_found_in_db',
      '401',
      'key',
    ),
    source: 'OpenHands/OpenHands#17390, 2026-09-12',
    kind: 'auth',
    retry: false,
  },
];
