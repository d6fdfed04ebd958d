/** Downloads, from a server on this machine. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { downloadModel } from './download-model.ts';
import { modelFile } from './library.fixture.ts';

const MODEL = Buffer.alloc(300_000, 'model ');
const SHA = createHash('sha256').update(MODEL).digest('hex');
let asked = 0;
const server = createServer((request, response) => {
  asked += 1;
  if (request.url?.startsWith('/gone')) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-length': MODEL.length });
  if (!request.url?.startsWith('/cut')) return void response.end(MODEL);
  response.write(MODEL.subarray(0, 1000), () => response.destroy());
});
let base = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address === 'object' && address) base = `http://127.0.0.1:${address.port}`;
});
afterAll(() => void server.close());

const place = (): string => join(dirname(modelFile()), 'deep', 'model.gguf');

test('a model comes with news of its progress, and is not fetched twice', async () => {
  const path = place();
  const news: { received: number; total: number | undefined }[] = [];
  const options = { url: `${base}/m.gguf?token=secret`, path, sha256: SHA.toUpperCase() };
  expect(await downloadModel({ ...options, onProgress: (progress) => news.push(progress) })).toBe(path);
  expect(readFileSync(path).equals(MODEL)).toBe(true);
  expect(news.at(-1)).toEqual({ received: MODEL.length, total: MODEL.length });
  const before = asked;
  await downloadModel(options);
  expect(asked).toBe(before);
  writeFileSync(path, 'damaged');
  await downloadModel(options);
  expect(readFileSync(path).equals(MODEL)).toBe(true);
});

test('nothing is left of a download that is wrong, refused, cut off or aborted', async () => {
  const path = place();
  const url = `${base}/m.gguf?token=secret`;
  const codes: unknown[] = [];
  for (const over of [
    { sha256: '0'.repeat(64) },
    { url: `${base}/gone.gguf?token=secret` },
    { url: `${base}/cut.gguf?token=secret` },
  ]) {
    const error: unknown = await downloadModel({ url, path, sha256: SHA, ...over }).catch((caught: unknown) => caught);
    expect(String(error)).not.toContain('secret');
    codes.push(Object(error).code);
  }
  expect(codes).toEqual(['local-model/checksum', 'local-model/download', 'local-model/download']);
  const reason = new Error('enough');
  const controller = new AbortController();
  const aborting = downloadModel({
    url,
    path,
    sha256: SHA,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(aborting).rejects.toBe(reason);
  expect(readdirSync(dirname(path))).toEqual([]);
});
