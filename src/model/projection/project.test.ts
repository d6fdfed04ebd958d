import { describe, expect, test } from 'vitest';
import { assistant, system, user, type AgentInputItem } from '../../protocol/items.ts';
import { wireProblem } from '../../testing/wire-validators/index.ts';
import { bodyFor, FOREIGN, targetOf } from './histories.fixture.ts';
import { hash } from './names.ts';
import { projectHistory } from './project-history.ts';
import type { HistoryTarget, HistoryWire } from './target.ts';

const call = (callId: string, more: object = {}): AgentInputItem => ({
  type: 'function_call',
  callId,
  name: 'f',
  arguments: '{}',
  ...more,
});
const result = (callId: string, more: object = {}): AgentInputItem => ({
  type: 'function_call_result',
  callId,
  name: 'f',
  status: 'completed',
  output: `of ${callId}`,
  ...more,
});
const hi = user('hi');
const other = { provider: 'other', api: 'other', model: 'other' };
const own = (wire: HistoryWire) => {
  const { provider, model } = targetOf(wire);
  return { provider, api: wire, model };
};
const LONG = 'x'.repeat(70);

/** Why the vendor would refuse it; an adapter that throws refuses as well. */
function refusal(items: AgentInputItem[], target: HistoryTarget): string | undefined {
  try {
    return wireProblem(target.wire, bodyFor(items, target));
  } catch (error) {
    return String(error);
  }
}

/** The quirk by its number in the design, the wire, and a history that the wire refuses as it is. */
const QUIRKS: [string, HistoryWire, AgentInputItem[]][] = [
  ['1 an id that is too long', 'openai-responses', [hi, call(LONG), result(LONG)]],
  ['1 an id that is too long', 'openai-chat', [hi, call(LONG), result(LONG)]],
  ['1 an id with a sign that is not allowed', 'anthropic', [hi, call('a|b'), result('a|b')]],
  ['1 an id that is used twice', 'anthropic', [hi, call('a'), result('a'), call('a'), result('a')]],
  ['1 an id that is used twice in one turn', 'openai-chat', [hi, call('a'), call('a'), result('a'), result('a')]],
  ['1 no id at all', 'openai-chat', [hi, call(''), result('')]],
  ['2 results after another message', 'openai-chat', [hi, call('a'), user('and?'), result('a')]],
  ['2 results after another message', 'anthropic', [hi, call('a'), user('and?'), result('a')]],
  [
    '2 results of one turn with text between',
    'anthropic',
    [hi, call('a'), call('b'), result('a'), user('x'), result('b')],
  ],
  ['2 text between two calls', 'openai-chat', [hi, call('a'), assistant('x'), assistant('y'), result('a')]],
  ['2 a result before its call', 'openai-responses', [hi, result('a'), call('a')]],
  ...(['openai-responses', 'openai-chat', 'anthropic', 'gemini', 'ai-sdk'] as const).flatMap(
    (wire): [string, HistoryWire, AgentInputItem[]][] => [
      ['3 a call without a result', wire, [hi, call('a', SIGNED()), assistant('done'), user('ok')]],
      ['3 a result without a call', wire, [hi, result('a'), user('ok')]],
      ['3 two results of one call', wire, [hi, call('a', SIGNED()), result('a'), result('a')]],
    ],
  ),
  ['4 reasoning of another model', 'gemini', [hi, { type: 'reasoning', content: [], origin: other }, user('x')]],
  [
    '4 reasoning that leads to nothing',
    'openai-responses',
    [hi, { type: 'reasoning', id: 'rs_1', content: [], providerData: { type: 'reasoning' } }],
  ],
  ['5 a foreign call in the current turn', 'gemini', [hi, call('a', { origin: other }), result('a')]],
  ['7 ids of another server', 'openai-responses', [hi, { ...assistant('x'), id: 'chatcmpl-1' }, user('y')]],
  ['8 a late system message', 'gemini', [hi, system('be brief'), user('x')]],
  ['9 a conversation that the model begins', 'anthropic', [assistant('Welcome.'), hi]],
  ['9 a conversation that the model begins', 'gemini', [assistant('Welcome.'), hi]],
  ['14 a tool name that is not allowed', 'anthropic', [hi, call('a', { name: 'a.b' }), result('a', { name: 'a.b' })]],
  ['14 a tool name that is too long', 'openai-responses', [hi, call('a', { name: LONG }), result('a')]],
  [
    '14 a tool name that starts with a digit',
    'gemini',
    [hi, call('a', { name: '3d', ...SIGNED() }), result('a', { name: '3d' })],
  ],
  ['14 a namespace', 'openai-chat', [hi, call('a', { namespace: 'n' }), result('a')]],
  ['15 an uploaded image', 'openai-chat', [user([{ type: 'input_image', image: { id: 'file-1' } }])]],
  [
    '15 an image of a type that is not read',
    'anthropic',
    [user([{ type: 'input_image', image: 'data:image/tiff;base64,AA==' }])],
  ],
  ['15 a file by its address', 'openai-chat', [user([{ type: 'input_file', file: { url: 'https://x.test/a.pdf' } }])]],
  ['15 sound', 'openai-responses', [user([{ type: 'audio', audio: 'AAAA', format: 'wav' }])]],
  ['15 an image in an answer', 'openai-responses', [hi, { ...assistant([{ type: 'image', image: 'x' }]) }, user('x')]],
  [
    '16 an empty text',
    'anthropic',
    [
      user([
        { type: 'input_text', text: '' },
        { type: 'input_text', text: 'x' },
      ]),
    ],
  ],
  ['16 a blank text', 'anthropic', [hi, assistant(' \n'), user('x')]],
  ['16 an empty text', 'gemini', [hi, assistant(''), user('x')]],
  ['16 an empty text', 'openai-responses', [user('')]],
  ['16 an empty history', 'anthropic', []],
  ['17 the last word of the model', 'anthropic', [hi, assistant('I think')]],
  ['22 arguments that are no JSON', 'gemini', [hi, call('a', { arguments: 'no', ...SIGNED() }), result('a')]],
  [
    '26 a special tool',
    'openai-chat',
    [hi, { type: 'shell_call', callId: 'a', action: { commands: ['ls'] } }, user('x')],
  ],
  ['26 a hosted tool', 'openai-chat', [hi, { type: 'hosted_tool_call', name: 'web_search', output: 'x' }, user('x')]],
  [
    '26 a special tool without its result',
    'openai-responses',
    [hi, { type: 'computer_call', callId: 'a', status: 'completed' }, user('x')],
  ],
];

/** So that nothing but the quirk itself is wrong. */
function SIGNED(): object {
  return { providerData: { google: { thoughtSignature: 's' } }, origin: own('gemini') };
}

describe('every quirk is refused as it is, and taken once it is projected', () => {
  test.each(QUIRKS)('%s on %s', (what, wire, items) => {
    const target = targetOf(wire);
    expect(refusal(items, target)).toBeDefined();
    const projected = projectHistory(items, target);
    expect(refusal(projected.items, target)).toBeUndefined();
    // Nothing is lost by Google's mark, by an id that nobody knows, or by an empty part.
    if (!/^(5|7|16 an empty text)/.test(what)) expect(projected.warnings.length).toBeGreaterThan(0);
  });
});

describe('ids of calls', () => {
  const idsFor = (ids: string[], target = targetOf('anthropic')): string[] =>
    projectHistory([hi, ...ids.flatMap((id) => [call(id), result(id)])], target).items.flatMap((item) =>
      item.type === 'function_call' ? [item.callId] : [],
    );

  test('that fit are kept', () => {
    expect(idsFor(['call_1', 'toolu_2'])).toEqual(['call_1', 'toolu_2']);
  });

  test('that are long and differ at their end only stay apart', () => {
    const [a, b] = idsFor([`${LONG}a`, `${LONG}b`]);
    expect(a).not.toBe(b);
  });

  test('never take an id that another call has, not even a later one', () => {
    const alias = idsFor(['a|b'])[0] ?? '';
    const ids = idsFor(['a|b', alias, 'a|b']);
    expect(new Set(ids).size).toBe(3);
    expect(ids[1]).toBe(alias);
  });

  test('are the same whatever follows', () => {
    expect(idsFor(['a|b', 'c'])[0]).toBe(idsFor(['a|b'])[0]);
  });

  test('are the same whatever comes before', () => {
    expect(idsFor([`${LONG}a`, `${LONG}b`])[1]).toBe(idsFor([`${LONG}b`])[0]);
  });

  test('can be held to nine letters and digits', () => {
    const target = { ...targetOf('openai-chat'), capabilities: { callIdMax: 9, callIdExact: true } };
    const ids = idsFor(['call_1', 'call_2', 'abcdefgh9'], target);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9]{9}$/);
    expect(ids[2]).toBe('abcdefgh9');
    expect(new Set(ids).size).toBe(3);
  });

  test('come with their results', () => {
    const { items } = projectHistory(
      [hi, call('a|b'), call('a|c'), result('a|c'), result('a|b')],
      targetOf('anthropic'),
    );
    const outputs = items.flatMap((item) => (item.type === 'function_call_result' ? [item.output] : []));
    expect(outputs).toEqual(['of a|b', 'of a|c']);
  });

  test('have a hash that depends on every letter', () => {
    const seen = new Set(Array.from({ length: 10_000 }, (_, n) => hash(`call_${n}`)));
    expect(seen.size).toBe(10_000);
  });
});

describe('reasoning', () => {
  const thought = (more: object): AgentInputItem => ({
    type: 'reasoning',
    content: [{ type: 'input_text', text: 'hm' }],
    ...more,
  });

  test.each([
    ['of another model', { origin: { ...own('anthropic'), model: 'claude-haiku' } }],
    ['of another provider', { origin: { ...own('anthropic'), provider: 'bedrock' } }],
    ['of another credential', { origin: { ...own('anthropic'), project: 'b' } }],
    ['of nobody knows whom', {}],
    ["that OpenAI's adapter left unmarked", { id: 'rs_1', providerData: { encrypted_content: 'x' } }],
  ])('%s is dropped', (_who, mark) => {
    const { items, warnings } = projectHistory([hi, thought(mark), assistant('x'), hi], targetOf('anthropic'));
    expect(items.some(({ type }) => type === 'reasoning')).toBe(false);
    expect(warnings).toMatchObject([{ code: 'reasoning_dropped', index: 1 }]);
  });

  test('can become text on request', () => {
    const target = { ...targetOf('anthropic'), reasoning: 'text' } as const;
    const { items } = projectHistory([hi, thought({ origin: other }), hi], target);
    expect(items[1]).toMatchObject({ role: 'assistant', content: [{ text: 'hm' }] });
  });

  test('that was dropped takes the id of what it led to with it', () => {
    const reply = { ...assistant('x'), id: 'msg_1', providerData: {} };
    const gone = thought({ origin: { ...own('openai-responses'), model: 'o9' } });
    const { items } = projectHistory([hi, gone, reply, hi], targetOf('openai-responses'));
    expect(items[1]).not.toHaveProperty('id');
    const kept = projectHistory(
      [hi, thought({ id: 'rs_1', origin: own('openai-responses') }), reply, hi],
      targetOf('openai-responses'),
    );
    expect(kept.items[2]).toBe(reply);
  });
});

test('an id that the Responses API cannot have made is left out', () => {
  const { items } = projectHistory([hi, { ...assistant('x'), id: 'abc' }, hi], targetOf('openai-responses'));
  expect(items[1]).not.toHaveProperty('id');
});

test('a signed turn keeps its order, another one ends with its calls', () => {
  const said = [call('a'), assistant('x')];
  const thought: AgentInputItem = {
    type: 'reasoning',
    content: [],
    origin: own('anthropic'),
    providerData: { anthropic: { signature: 's' } },
  };
  const types = (items: AgentInputItem[]): unknown[] =>
    projectHistory([hi, ...items, result('a')], targetOf('anthropic')).items.map(({ type }) => type);
  expect(types([thought, ...said])).toEqual([
    'message',
    'reasoning',
    'function_call',
    'message',
    'function_call_result',
  ]);
  expect(types(said)).toEqual(['message', 'message', 'function_call', 'function_call_result']);
});

describe('what only another origin can read', () => {
  test('is taken off its items, and the items as they are stay', () => {
    const said: AgentInputItem = {
      ...assistant([{ type: 'output_text', text: 'x', providerData: { a: FOREIGN } }]),
      id: FOREIGN,
      origin: other,
      providerData: { a: FOREIGN },
    };
    const before = structuredClone(said);
    const { items } = projectHistory([hi, said, hi], targetOf('openai-chat'));
    expect(JSON.stringify(items)).not.toContain(FOREIGN);
    expect(said).toEqual(before);
  });

  test('may be a compaction, which is left out with a warning', () => {
    const { warnings } = projectHistory(
      [{ type: 'compaction', encrypted_content: 'x', origin: other }, hi],
      targetOf('openai-responses'),
    );
    expect(warnings).toMatchObject([{ code: 'item_dropped' }]);
  });

  test('may be a hosted call: its output stays as text', () => {
    const hosted: AgentInputItem = {
      type: 'hosted_tool_call',
      name: 'web_search_call',
      arguments: '{"q":1}',
      output: 'Rain.',
      origin: other,
    };
    const { items } = projectHistory([hi, hosted, hi], targetOf('anthropic'));
    expect(items[1]).toMatchObject({
      role: 'assistant',
      content: [{ text: '(The tool web_search_call was used with {"q":1}: Rain.)' }],
    });
  });
});

describe('a history that the target takes', () => {
  test('is the very same array', () => {
    const items = [system('s'), hi, call('a', { origin: own('anthropic') }), result('a'), assistant('x'), hi];
    for (const wire of ['openai-chat', 'openai-responses', 'anthropic'] as const) {
      const clean = items.map((item) => (item.type === 'function_call' ? call('a') : item));
      expect(projectHistory(clean, targetOf(wire))).toEqual({ items: clean, warnings: [] });
      expect(projectHistory(clean, targetOf(wire)).items).toBe(clean);
    }
  });

  test('may be a string', () => {
    expect(projectHistory('hi', targetOf('anthropic')).items).toEqual([
      { type: 'message', role: 'user', content: 'hi' },
    ]);
  });

  test('may lack calls that the server knows', () => {
    for (const wire of ['openai-responses', 'openai-chat'] as const) {
      const target = { ...targetOf(wire), stateful: true };
      expect(projectHistory([result('a')], target)).toEqual({ items: [result('a')], warnings: [] });
    }
  });
});

describe('capabilities', () => {
  const image = user([{ type: 'input_image', image: 'https://x.test/a.png' }]);

  test('without images leave a line of text', () => {
    const { items } = projectHistory([image], { ...targetOf('openai-chat'), capabilities: { images: false } });
    expect(items).toEqual([user('[image left out: https://x.test/a.png]')]);
  });

  test('without late system messages make notes of them', () => {
    const target = { ...targetOf('openai-chat'), capabilities: { lateSystem: false } };
    expect(projectHistory([system('a'), hi, system('b')], target).items).toEqual([
      system('a'),
      hi,
      user('<system>b</system>'),
    ]);
  });

  test('without media in results let images follow behind all results of the turn', () => {
    const picture = result('a', { output: { type: 'image', image: 'https://x.test/a.png' } });
    const { items } = projectHistory([hi, call('a'), call('b'), picture, result('b')], targetOf('openai-chat'));
    expect(items.map(({ type }) => type)).toEqual([
      'message',
      'function_call',
      'function_call',
      'function_call_result',
      'function_call_result',
      'message',
    ]);
    expect(items[5]).toMatchObject({ content: [{}, { type: 'input_image', image: 'https://x.test/a.png' }, {}] });
  });
});
