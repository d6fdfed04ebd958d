/** A folder of its own for each test, and the switches of cassettes as if nobody had set them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

export let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-cassettes-'));
  vi.stubEnv('CI', '');
  vi.stubEnv('BATON_CASSETTES', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

export const fileAt = (name = 'cassette.json'): string => join(folder, name);
export const textAt = (name?: string): string => readFileSync(fileAt(name), 'utf8');
