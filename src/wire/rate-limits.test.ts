import { expect, test } from 'vitest';
import { rateLimitsOf } from './rate-limits.ts';

test.each([
  [
    { 'x-ratelimit-limit-requests': '60', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1s' },
    { requests: { limit: 60, remaining: 0, resetMs: 1000 } },
  ],
  [
    { 'x-ratelimit-remaining-tokens': '149984', 'x-ratelimit-reset-tokens': '6m0.5s' },
    { tokens: { remaining: 149_984, resetMs: 360_500 } },
  ],
  [
    {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-11-25T10:00:30Z',
    },
    { requests: { limit: 50, remaining: 49, resetMs: 30_000 } },
  ],
  [{ 'x-ratelimit-remaining-requests': 'many', 'x-ratelimit-reset-requests': 'soon' }, undefined],
  [{}, undefined],
])('%j', (headers, limits) => {
  const now = Date.parse('2026-11-25T10:00:00Z');
  expect(rateLimitsOf(headers, now)).toEqual(limits);
  expect(rateLimitsOf(new Headers(headers as Record<string, string>), now)).toEqual(limits);
});
