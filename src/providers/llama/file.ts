/** Model files: their hash, and how they come here when somebody asks for it. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../protocol/errors.ts';
import type { Fetch } from '../../wire/index.ts';
import { LocalModelError } from './errors.ts';

/** The SHA-256 of a file, in lower-case hexadecimal. A gigabyte takes a second or two. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

export type DownloadModelOptions = {
  /** Where the GGUF file is, such as an address of Hugging Face that ends in `/resolve/main/….gguf`. */
  url: string;
  /** Where it goes. Folders are made. A file that is there and has the hash is left alone. */
  path: string;
  /** The file's SHA-256 in hexadecimal. What has another one is thrown away. */
  sha256: string;
  /** Called as bytes come in; `total` where the server told it. */
  onProgress?: (progress: { received: number; total: number | undefined }) => void;
  /** @default the global fetch */
  fetch?: Fetch;
  signal?: AbortSignal;
};

/** What `downloadModel` does. */
export async function download(options: DownloadModelOptions): Promise<string> {
  const { url, path, sha256 } = options;
  if (!/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new UserError(`downloadModel: sha256 is ${JSON.stringify(sha256)}. It must be 64 hexadecimal digits.`);
  }
  const there = await stat(path).catch(() => undefined);
  if (there && (await fileSha256(path)) === sha256.toLowerCase()) return path;
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${randomUUID()}.part`;
  try {
    const found = await receive(options, partial);
    if (found !== sha256.toLowerCase()) {
      throw new LocalModelError(
        'local-model/checksum',
        `What came from ${hostOf(url)} has the SHA-256 ${found}, not ${sha256}. It was thrown away.`,
      );
    }
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  return path;
}

/** An address may hold a key. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'there');

/** Writes the body into a file and returns its hash. */
async function receive(options: DownloadModelOptions, path: string): Promise<string> {
  const { url, onProgress, signal, fetch: send = globalThis.fetch } = options;
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    const response = await send(url, signal ? { signal } : {});
    if (!response.ok || !response.body) {
      throw new LocalModelError('local-model/download', `${hostOf(url)} answered ${response.status} for the model.`);
    }
    const length = Number(response.headers.get('content-length') ?? '');
    const total = length > 0 ? length : undefined;
    let received = 0;
    for await (const chunk of response.body) {
      hash.update(chunk);
      await file.write(chunk);
      received += chunk.byteLength;
      onProgress?.({ received, total });
    }
    return hash.digest('hex');
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof LocalModelError) throw error;
    throw new LocalModelError('local-model/download', `The download from ${hostOf(url)} broke off.`, error);
  } finally {
    await file.close();
  }
}
