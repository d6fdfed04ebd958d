/** S1: whatever the redactor changes is suspect; and ordinary text is not. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedactor, type RedactionOptions } from './redaction.ts';
import { suspicion } from './suspicion.ts';

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ0189'), minLength: 8, maxLength: 40 });
const gap = fc.constantFrom('', ' ', '\n', '\t', '\r\n', '-', '_', '.', '"', "'", '\\', ': ', '{', 'é', '/');

/** Pieces that shapes of secrets are made of, whole and in parts. */
const piece = fc.oneof(
  gap,
  token,
  fc.string({ maxLength: 6 }),
  fc.constantFrom(
    'sk-',
    'rk-',
    'sess-',
    'ek-',
    'task-',
    'Bearer ',
    'basic ',
    'gsk_',
    'xai-',
    'hf_',
    'ghp_',
    'github_pat_',
  ),
  fc.constantFrom(
    'npm_',
    'glpat-',
    'AIza',
    'AKIA',
    'ASIA',
    'xoxb-',
    'sk_live_',
    'pk_test_',
    'whsec_',
    'eyJ',
    '.eyJ',
    '.',
  ),
  fc.constantFrom(
    'AKIAABCDEFGHIJKLMNOP',
    'eyJabcdefgh.abcdefgh.x',
    'https://user:pw@host',
    'postgres://u:secret@db/x',
    '@',
  ),
  fc.constantFrom('-----BEGIN RSA PRIVATE KEY-----', '-----END PRIVATE KEY-----', '=', ':', '": "', '\u212A', '\u0130'),
  fc.constantFrom(
    'api_key',
    'Api-Key',
    'password',
    'PassWord',
    'p.a.s.s.w.d',
    'passphrase',
    'secret',
    'token',
    'tokens',
    'to ken',
  ),
  fc.constantFrom(
    'authorization',
    'Cookie',
    'set-cookie',
    'credentials',
    'credential',
    'pwd',
    'access token',
    'ssn',
    'S_S-N',
  ),
);
const said = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));

/** Texts, JSON in texts, and objects with such names. */
const { value } = fc.letrec<{ value: unknown }>((again) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    said,
    fc.dictionary(said, again('value'), { maxKeys: 3 }),
    fc.array(again('value'), { maxLength: 3 }),
    again('value').map((inner) => JSON.stringify(inner)),
    again('value').map((inner) => JSON.stringify(inner).replaceAll('/', String.raw`\/`)),
    again('value').map((inner) => encodeURIComponent(JSON.stringify(inner).replaceAll(/\p{Surrogate}/gu, ''))),
  ),
}));

const literal = String.raw`pa"ss\w/ord 1`;
const OPTIONS: readonly RedactionOptions[] = [
  {},
  { fields: ['ssn', 'no-de'] },
  { emails: true },
  { literals: [literal, 'correct-horse'] },
];

test('what a redactor changes is suspect', () => {
  for (const options of OPTIONS) {
    const redact = createRedactor(options);
    const isSuspect = suspicion(options);
    const changes = fc.property(value, (one) => {
      const text = JSON.stringify(one);
      const after = JSON.stringify(redact(JSON.parse(text)));
      if (after !== JSON.stringify(JSON.parse(text))) expect([text, isSuspect(text)]).toEqual([text, true]);
    });
    fc.assert(changes, { numRuns: 1500 });
  }
});

test('literals are found in each of their forms', () => {
  const isSuspect = suspicion({ literals: [literal] });
  const forms = [literal, JSON.stringify({ literal }), btoa(literal), encodeURIComponent(literal)];
  for (const form of forms)
    expect([form, isSuspect(JSON.stringify([{ deep: [JSON.stringify({ form })] }]))]).toEqual([form, true]);
});

test('patterns, and names of which is not known how they are written, are always suspect', () => {
  for (const options of [{ patterns: [/x/] }, { literals: ['señor-secreto'] }, { fields: ['contraseña'] }]) {
    expect(suspicion(options)('"x"')).toBe(true);
  }
});

test('what agents say all day is not suspect', () => {
  const isSuspect = suspicion();
  const items = [
    {
      role: 'user',
      content: 'Plan a week-long trip; keys, passports and a task-oriented list. Ask through the authorities!',
    },
    { type: 'function_call', name: 'look_up', callId: 'call_1', arguments: '{"city":"Paris","max_tokens":100}' },
    { usage: { inputTokens: 12, outputTokens: 4, inputTokensDetails: { cached_tokens: 4 } }, at: 1_764_000_000_000 },
    { id: 'trace_0123456789abcdef0123456789abcdef', url: 'https://example.com/a/b?c=d#e' },
  ];
  expect(isSuspect(JSON.stringify(items))).toBe(false);
});

test('a long text is looked through once, whatever it is made of', () => {
  const isSuspect = suspicion({ emails: true });
  for (const text of [':', '-', '\\', 'd:', 'word:', ':=', '_', 'k-', 'a', ' ', '=":', '\n', '\n:', 'n\n:', 'tok\n']) {
    expect(typeof isSuspect(JSON.stringify(`${text.repeat(100_000)}:`))).toBe('boolean');
  }
});
