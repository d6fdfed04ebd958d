import { expect, test } from 'vitest';
import { errorOfAnswer } from './classify.ts';
import { VENDOR_ERRORS } from './vendor-errors.fixture.ts';

test.each(VENDOR_ERRORS)('$vendor $status ($source) is $kind', ({ vendor, status, body, kind, retry, wait }) => {
  for (const form of [body, JSON.stringify(body)]) {
    const error = errorOfAnswer({ provider: vendor, ...(status !== undefined && { status }), body: form });
    expect([error.kind, error.retryable, error.retryAfterMs]).toEqual([kind, retry, wait]);
  }
});

test('what a header asks for beats what a body asks for', () => {
  const body = { error: { message: 'Please try again in 20s.', code: 'rate_limit_exceeded' } };
  const headers = { 'retry-after': '3' };
  expect(errorOfAnswer({ provider: 'OpenAI', status: 429, headers, body }).retryAfterMs).toBe(3000);
  expect(errorOfAnswer({ provider: 'OpenAI', status: 429, body }).retryAfterMs).toBe(20_000);
});
