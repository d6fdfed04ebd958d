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
  [
    { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': '30' },
    { requests: { limit: 60, remaining: 7, resetMs: 30_000 } },
  ],
  [
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Date.parse('2026-11-25T10:00:05Z')) },
    { requests: { remaining: 0, resetMs: 5000 } },
  ],
  [
    {
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': String(Date.parse('2026-11-25T10:00:05Z') / 1000),
    },
    { tokens: { remaining: 0, resetMs: 5000 } },
  ],
  [
    { 'ratelimit-limit': '10', 'ratelimit-remaining': '9', 'ratelimit-reset': '2026-11-25T09:00:00Z' },
    { requests: { limit: 10, remaining: 9, resetMs: 0 } },
  ],
  [{ 'x-ratelimit-remaining-requests': 'many', 'x-ratelimit-reset-requests': 'soon' }, undefined],
  [{}, undefined],
])('%j', (headers, limits) => {
  const now = Date.parse('2026-11-25T10:00:00Z');
  expect(rateLimitsOf(headers, now)).toEqual(limits);
  expect(rateLimitsOf(new Headers(headers as Record<string, string>), now)).toEqual(limits);
});
