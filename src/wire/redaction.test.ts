import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from './redaction.ts';

const redactor = createRedactor({ fields: ['ssn'], literals: ['correct "horse"\nbattery'], emails: true });

describe('a redactor', () => {
  test.each([
    'sk-proj-abcdefghijklmnop',
    'ghp_abcdefghijklmnopqrstuvwxyz123456',
    'github_pat_11ABCDEFG0abcdefghijklmno',
    'AKIAIOSFODNN7EXAMPLE',
    'xoxb-123456789012-abcdefghij',
    'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N',
    'someone.else+tag@example.co.uk',
  ])('takes %s out of texts, keys and nested JSON', (secret) => {
    const value = {
      text: `Use ${secret}, please.`,
      [secret]: 1,
      list: [{ json: JSON.stringify({ deeper: JSON.stringify([secret]) }) }],
      error: new Error(`refused ${secret}`),
      map: new Map([['a', secret]]),
    };
    expect(JSON.stringify(redactor(value))).not.toContain(secret);
  });

  test('takes out the value of members by name, in objects, in JSON, in cut JSON and in plain text', () => {
    const secret = 'hunter two';
    const args = JSON.stringify({ dbPassword: secret, SSN: secret, city: 'Oslo' });
    for (const value of [
      { password: secret },
      { OPENAI_API_KEY: secret },
      { headers: { 'X-Api-Key': [secret], Cookie: { a: secret } } },
      args,
      args.slice(0, -3),
      JSON.stringify(args),
      JSON.stringify(JSON.stringify(args)).slice(0, -2),
      `password: "${secret}"`,
      'GET / HTTP/1.1\nCookie: a=hunter; b=hunter\nHost: x',
      'client_secret=hunter&x=1',
      'postgres://app:hunter@db:5432/app',
    ]) {
      expect(JSON.stringify(redactor(value))).not.toContain('hunter');
    }
    expect(redactor(args)).toContain('Oslo');
  });

  test('reads JSON inside of texts: what is under a secret name, however it is written', () => {
    expect(redactor('{"credentials":{"user":"ada","pin":[1,2]},"city":"Oslo"}')).toBe(
      '{"credentials":"[redacted]","city":"Oslo"}',
    );
    expect(redactor(String.raw`{"p\u0061ssword":"hunter2"}`)).toBe('{"password":"[redacted]"}');
  });

  test('takes out literals in each form that they have in a text', () => {
    const literal = 'correct "horse"\nbattery';
    const forms = [
      literal,
      JSON.stringify({ literal }),
      JSON.stringify(JSON.stringify({ literal })),
      `?q=${encodeURIComponent(literal)}`,
      Buffer.from(literal).toString('base64'),
      Buffer.from(literal).toString('base64url'),
    ];
    for (const form of forms) expect(String(redactor(form))).toContain('[redacted]');
    for (const form of forms) expect(String(redactor(form))).not.toMatch(/horse|aG9yc2/);
  });

  test('takes out what is configured where it is a number, but for times, amounts and short counts', () => {
    const strict = createRedactor({
      literals: ['47114711'],
      patterns: [/\b\d{13,16}\b/, /\b\d{4}\b/],
      fields: ['ssn'],
    });
    expect(
      strict({ account: 47114711, big: 47114711n, cards: [4111111111111111], other: 47114712, count: 1234, ssn: 7 }),
    ).toEqual({
      account: '[redacted]',
      big: '[redacted]',
      cards: ['[redacted]'],
      other: 47114712,
      count: 1234,
      ssn: '[redacted]',
    });
    const ours = { startedAt: 1_764_000_000_000, at: 1_764_000_000_000, nanoUsd: 47114711, inputTokens: 47114711 };
    expect(strict(ours)).toEqual(ours);
  });

  test('leaves everything else as it is', () => {
    const value = {
      usage: { input_tokens: 7, tokens: 5, maxTokens: 100 },
      hasPassword: false,
      token: null,
      text: 'The task-force asked for a password reset; the secretary agreed. Email us.',
      json: '{ "city":  "Oslo" }',
      list: [1, 'two', null, true],
    };
    expect(redactor(value)).toEqual(value);
  });

  test('changes nothing of what it was given, and survives cycles and binary data', () => {
    const value: Record<string, unknown> = { apiKey: 'abcdef', bytes: new Uint8Array(3), big: 5n };
    value['self'] = value;
    expect(redactor(value)).toEqual({ apiKey: '[redacted]', bytes: '[3 bytes]', big: '5', self: '[circular]' });
    expect(value['apiKey']).toBe('abcdef');
  });

  test('is the same when it is used twice', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = redactor(value);
        expect(redactor(once)).toEqual(once);
      }),
    );
  });

  test('finds a planted secret wherever it is in a value', () => {
    const planted = createRedactor({ literals: ['PLANTED/secret+value'] });
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.nat(3), (json, around, depth) => {
        let text = `${around}PLANTED/secret+value${json}`;
        for (let level = 0; level < depth; level++) text = JSON.stringify({ [around]: text });
        expect(JSON.stringify(planted({ text }))).not.toContain('PLANTED');
      }),
    );
  });

  test('says what is wrong with its options', () => {
    expect(() => createRedactor({ literals: ['abc'] })).toThrow('at least 4');
    expect(() => createRedactor({ fields: ['--'] })).toThrow('no name of a member');
  });

  test('does not choke on long texts', () => {
    const long = 'a-'.repeat(100_000) + 'password'.repeat(10_000) + '\\'.repeat(50_000);
    expect(String(redactor(long)).length).toBeGreaterThan(1000);
  });
});
