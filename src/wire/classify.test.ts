import { describe, expect, test } from 'vitest';
import { errorOfAnswer, readErrorBody } from './classify.ts';
import { ModelError, type ModelErrorKind } from './errors.ts';
import { redact } from './redact.ts';
import { retryAfterMs } from './retry-after.ts';

const openai = (message: string, code: string | null = null, type = 'invalid_request_error'): object => ({
  error: { message, type, param: null, code },
});

/** Bodies as vendors and gateways send them. */
const ANSWERS: [ModelErrorKind, boolean, number | undefined, unknown][] = [
  [
    'rate_limit',
    true,
    429,
    openai('Rate limit reached for gpt-5 in organization org-x on tokens per min', 'rate_limit_exceeded', 'tokens'),
  ],
  [
    'quota_exhausted',
    false,
    429,
    openai(
      'You exceeded your current quota, please check your plan and billing details.',
      'insufficient_quota',
      'insufficient_quota',
    ),
  ],
  ['quota_exhausted', false, 402, { error: { message: 'Insufficient credits', code: 402 } }],
  [
    'quota_exhausted',
    false,
    400,
    { error: { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API.' } },
  ],
  ['auth', false, 401, openai('Incorrect API key provided: sk-abc***xyz.', 'invalid_api_key')],
  [
    'permission',
    false,
    403,
    openai('Country, region, or territory not supported', 'unsupported_country_region_territory', 'request_forbidden'),
  ],
  [
    'not_found',
    false,
    404,
    openai('The model `gpt-9` does not exist or you do not have access to it.', 'model_not_found'),
  ],
  [
    'context_window',
    false,
    400,
    openai("This model's maximum context length is 128000 tokens.", 'context_length_exceeded'),
  ],
  [
    'context_window',
    false,
    400,
    { error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' } },
  ],
  ['content_policy', false, 400, openai('The response was filtered', 'content_filter')],
  ['bad_request', false, 400, openai("Unknown parameter: 'foo'.", 'unknown_parameter')],
  ['bad_request', false, 422, { detail: [{ msg: 'field required' }] }],
  ['server', true, 500, openai('The server had an error while processing your request.', null, 'server_error')],
  ['server', true, 502, '<html><body><h1>502 Bad Gateway</h1></body></html>'],
  ['overloaded', true, 503, openai('The engine is currently overloaded', null, 'server_error')],
  ['overloaded', true, 529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
  ['timeout', true, 408, ''],
  ['server', true, 409, openai('conflict')],
  ['rate_limit', true, 429, ''],
  ['overloaded', true, undefined, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
  ['rate_limit', true, undefined, { type: 'error', code: 'rate_limit_exceeded', message: 'slow down' }],
  ['server', true, undefined, { code: 'server_error', message: 'boom' }],
  ['server', true, undefined, { error: { message: 'upstream', code: 502 } }],
  ['rate_limit', true, undefined, { error: { message: 'Provider returned error', code: 429 } }],
  ['unknown', false, undefined, {}],
];

describe('a failed answer', () => {
  test.each(ANSWERS)('is %s (retryable: %s) for status %s and body %j', (kind, retryable, status, body) => {
    const raw = typeof body === 'string' ? body : JSON.stringify(body);
    for (const form of [body, raw]) {
      const error = errorOfAnswer({ provider: 'OpenAI', ...(status !== undefined && { status }), body: form });
      expect(error).toBeInstanceOf(ModelError);
      expect([error.kind, error.retryable, error.code]).toEqual([kind, retryable, `model/${kind}`]);
    }
  });

  test('carries the status, the vendor code, the request id and the wait', () => {
    const headers = new Headers({ 'x-request-id': 'req_7', 'retry-after-ms': '1500' });
    const error = errorOfAnswer({
      provider: 'OpenAI',
      status: 429,
      headers,
      body: openai('slow', 'rate_limit_exceeded'),
    });
    expect({ ...error }).toMatchObject({
      status: 429,
      providerCode: 'rate_limit_exceeded',
      requestId: 'req_7',
      retryAfterMs: 1500,
    });
    expect(error.message).toBe('OpenAI answered 429 (rate_limit): slow.');
  });

  test('follows x-should-retry, which also says that a replay is safe', () => {
    const answer = (said: string, status: number) =>
      errorOfAnswer({ provider: 'OpenAI', status, headers: { 'X-Should-Retry': said }, body: '' });
    expect(answer('true', 400)).toMatchObject({ retryable: true, replaySafe: true });
    expect(answer('false', 503)).toMatchObject({ retryable: false });
  });

  test('a 500 that quotes other words stays a server error', () => {
    const error = errorOfAnswer({
      provider: 'OpenAI',
      status: 500,
      body: openai('billing service: model_not_found does not exist'),
    });
    expect(error.kind).toBe('server');
  });

  test.each([
    [{ error: 'text' }, { message: 'text' }],
    [[{ error: { message: 'm', code: 'c' } }], { message: 'm', code: 'c' }],
    [
      { message: 'm', code: 5 },
      { message: 'm', code: '5' },
    ],
    [{ detail: 'd' }, { message: 'd' }],
    [null, {}],
    ['', {}],
  ])('the body %j is read as %j', (body, read) => {
    expect(readErrorBody(body)).toEqual(read);
  });
});

describe('the wait that a server asks for', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  test.each([
    [{ 'retry-after-ms': '150' }, 150],
    [{ 'retry-after-ms': '150', 'retry-after': '2' }, 150],
    [{ 'retry-after': '2' }, 2000],
    [{ 'Retry-After': '0.5' }, 500],
    [{ 'retry-after': 'Sun, 22 Nov 2026 10:00:05 GMT' }, 5000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 09:59:00 GMT' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('%j is %s ms', (headers, ms) => {
    expect(retryAfterMs(headers, now)).toBe(ms);
    expect(retryAfterMs(new Headers(headers as Record<string, string>), now)).toBe(ms);
  });
});

describe('a key', () => {
  test.each([
    'sk-proj-abcdefghijklmnop',
    'Bearer abcdefghijklmnop',
    'api_key=abcdefghijklmnop',
    '"apiKey": "abcdefghijklmnop"',
    'Authorization: abcdefghijklmnop',
    'https://x/v1?api-key=abcdefghijklmnop&z=1',
  ])('in %s is not shown', (text) => {
    expect(redact(`before ${text} after`)).not.toContain('abcdefghijklmnop');
    expect(redact(`before ${text} after`)).toMatch(/^before .*\[redacted\]/);
  });

  test('that looks like nothing is not shown where its value is known', () => {
    expect(redact('the key plain-word is wrong', ['plain-word'])).toBe('the key [redacted] is wrong');
  });

  test('leaves ordinary words alone', () => {
    const text = 'The task-force said: risk-assessment is authorized, keys are on the table.';
    expect(redact(text)).toBe(text);
  });
});
