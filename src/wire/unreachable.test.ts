import { expect, test } from 'vitest';
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
