/** Answers of Chat Completions for the differential test. */
import { chatUsage } from './recorder.ts';

type Whole = [message: object, choice?: object, top?: object];
const call = (id: string, more: object = {}): object => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: '{"a":1}' },
  ...more,
});

export const ANSWERS: Record<string, Whole> = {
  text: [{ role: 'assistant', content: 'Hi' }],
  'empty text': [{ role: 'assistant', content: '' }],
  null: [{ role: 'assistant', content: null }],
  refusal: [{ role: 'assistant', content: null, refusal: 'no' }],
  calls: [{ role: 'assistant', content: null, tool_calls: [call('c1'), call('c2')] }],
  'text and call': [{ role: 'assistant', content: 'text', tool_calls: [call('c1')] }],
  'empty text and call': [{ role: 'assistant', content: '', tool_calls: [call('c1')] }],
  reasoning: [{ role: 'assistant', content: 'x', reasoning: 'think' }],
  'reasoning and call': [{ role: 'assistant', content: null, reasoning: 'think', tool_calls: [call('c1')] }],
  audio: [{ role: 'assistant', content: null, audio: { id: 'au', data: 'AA', transcript: 'tr', expires_at: 1 } }],
  'cut text': [{ role: 'assistant', content: 'par' }, { finish_reason: 'length' }],
  'cut nothing': [{ role: 'assistant', content: null }, { finish_reason: 'length' }],
  'filtered nothing': [{ role: 'assistant', content: null }, { finish_reason: 'content_filter' }],
  'filtered text': [{ role: 'assistant', content: 'x' }, { finish_reason: 'content_filter' }],
  'no usage': [{ role: 'assistant', content: 'x' }, {}, { usage: undefined }],
  'no details': [
    { role: 'assistant', content: 'x' },
    {},
    { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, prompt_tokens_details: null } },
  ],
  'no request id': [{ role: 'assistant', content: 'x' }, {}, { _request_id: undefined }],
  'no choices': [{}, {}, { choices: [] }],
};

const chunk = (delta: object, choice: object = {}): object => ({
  id: 'cc_1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
});
const end = (reason = 'stop'): object => chunk({}, { finish_reason: reason });
const usage = { id: 'cc_1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: chatUsage };
const part = (index: number, id: string | undefined, name: string | undefined, args: string): object =>
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }] });

export const STREAMS: Record<string, object[]> = {
  text: [chunk({ role: 'assistant', content: '' }), chunk({ content: 'H' }), chunk({ content: 'i' }), end(), usage],
  calls: [
    chunk({ role: 'assistant', content: null }),
    part(0, 'c1', 'f', ''),
    part(0, undefined, undefined, '{"a"'),
    part(0, undefined, undefined, ':1}'),
    part(1, 'c2', 'g', '{}'),
    end('tool_calls'),
    usage,
  ],
  'text and call': [chunk({ content: 'T' }), part(0, 'c1', 'f', '{}'), end('tool_calls'), usage],
  'a name in two parts': [part(0, 'c1', 'fo', ''), part(0, undefined, 'o', '{}'), end('tool_calls')],
  reasoning: [chunk({ reasoning: 'a' }), chunk({ reasoning: 'b' }), chunk({ content: 'x' }), end(), usage],
  'reasoning and call': [chunk({ reasoning: 'a' }), part(0, 'c1', 'f', '{}'), end('tool_calls')],
  refusal: [chunk({ refusal: 'n' }), chunk({ refusal: 'o' }), end(), usage],
  'text and refusal': [chunk({ content: 'x' }), chunk({ refusal: 'n' }), end()],
  audio: [chunk({ audio: { id: 'a', data: 'x', transcript: 't' } }), end()],
  'length after nothing': [end('length')],
  'length after text': [chunk({ content: 'x' }), end('length')],
  'content filter': [end('content_filter')],
  'usage in the last chunk': [chunk({ content: 'H' }), { ...end(), usage: chatUsage }],
  'a second choice': [
    chunk({ content: 'a' }),
    { ...chunk({}), choices: [{ index: 1, delta: { content: 'zz' } }] },
    end(),
  ],
};
