/** What `redact` takes for a key, and what it leaves. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redact } from './redact.ts';

test.each([
  ['The key is sk-proj-abcDEF123456.', 'The key is [redacted].'],
  ['Is it sk-ant-api03-Ab_9-xyz? Or sk-or-v1-0123456789abcdef...', 'Is it [redacted]? Or [redacted]...'],
  ['Incorrect API key provided: sk-abc***xyz. See the docs.', 'Incorrect API key provided: [redacted]. See the docs.'],
  ['It sent Bearer abc.def-123. Then it stopped.', 'It sent [redacted]. Then it stopped.'],
  ['Refused: api_key=plainword1. Try again.', 'Refused: api_key=[redacted]. Try again.'],
])('a full stop after a key stays: %s', (text, clean) => {
  expect(redact(text)).toBe(clean);
});

test.each([
  'Use sk-learn-based models.',
  'The pk-constraint and the sess-handling of rk-kernels.',
  'A sk-experimental flag, sk-learn.preprocessing too.',
  'A monkey sk-learn-based turkey.',
])('words are left: %s', (text) => {
  expect(redact(text)).toBe(text);
});

test.each([
  'sk-abcdefghijklmnopqrst',
  'sk-proj-abcdefghijklmnop',
  'sk-ALLCAPSKEY',
  'sk-some-words-1',
  'sk-under_score',
  'OPENAI_API_KEY=sk-my-team',
  'Incorrect API key provided: sk-my-team',
  'my secret is sk-my-team',
  'Authorization: sk-my-team',
  'tokens: sk-my-team, sk-my-other',
])('a key is not shown, however plain: %s', (text) => {
  expect(redact(text)).not.toMatch(/sk-/);
});

test('no key that was drawn by chance is shown, wherever it stands', () => {
  const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_');
  const drawn = fc.array(letter, { minLength: 22, maxLength: 64 }).map((letters) => letters.join(''));
  const keys = fc.tuple(fc.constantFrom('sk-', 'sk-proj-', 'sk-ant-api03-', 'sk-or-v1-', 'rk-', 'ek-'), drawn);
  const around = fc.constantFrom('', ' ', '.', '. ', ', ', '"', '\n', '. Next.');
  fc.assert(
    fc.property(around, keys, around, (before, [prefix, random], after) => {
      // A chain of hyphens and short words in lower case is no draw.
      fc.pre(/[A-Z0-9_]/.test(random));
      expect(redact(`${before}${prefix}${random}${after}`)).not.toContain(random.replace(/^-+/, '').slice(0, 12));
    }),
  );
});
