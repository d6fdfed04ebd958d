import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { requestJson } from './index.ts';

const ask = (url: string): Promise<unknown> =>
  requestJson({ url, provider: 'OpenAI', headers: {}, secrets: ['sk-1234567890'] });

test.each([
  ['localhost:1234/v1/responses', '"localhost:1234/v1/responses" is no URL of http or https. Check the base URL.'],
  ['nonsense?key=sk-1234567890', '"nonsense" is no URL'],
])('an address that cannot be asked says so, and is not tried again: %s', async (url, message) => {
  await expect(ask(url)).rejects.toMatchObject({ kind: 'bad_request', retryable: false });
  await expect(ask(url)).rejects.toThrow(message);
});

test('a server that is not there is named, without what its address may hide', async () => {
  const url = 'http://me:sk-1234567890@127.0.0.1:1/v1/responses?key=sk-1234567890';
  const error = await ask(url).catch((thrown: unknown) => thrown);
  expect(String(error)).toMatch(/OpenAI could not be (reached at http:\/\/127\.0\.0\.1:1|asked)/);
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('sk-1234567890');
});

async function serve(
  answer: (asked: { url?: string; headers: object }) => [number, Record<string, string>],
): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(...answer(request)).end('{"ok":true}');
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([301, 302, 303, 307, 308])(
  'a redirect by %s is not followed: another host would get the key',
  async (status) => {
    const asked: object[] = [];
    const other = await serve(({ headers }) => (asked.push(headers), [200, {}]));
    const location = `${other}/v1/messages?key=sk-1234567890`;
    const first = await serve(() => [status, { location }]);
    const request = { url: `${first}/messages`, provider: 'Anthropic', headers: { 'x-api-key': 'sk-1234567890' } };
    const error = await requestJson(request).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'bad_request', retryable: false, replaySafe: true, status });
    expect(String(error)).toContain(`sent the request elsewhere to ${other}/v1/messages, which was not followed`);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('sk-1234567890');
    expect(asked).toEqual([]);
  },
);

test.each(['', 'http://', 'javascript:alert(1)'])('a redirect to nowhere is told as one: "%s"', async (location) => {
  const url = await serve(() => [307, { location }]);
  await expect(requestJson({ url, provider: 'OpenAI', headers: {} })).rejects.toThrow('sent the request elsewhere');
});
