/**
 * A LiteLLM proxy, installed from PyPI by hash into a cache of this user, outside of the repository. Gives
 * BATON_LITELLM_URL, BATON_LITELLM_KEY, and the port on which a test puts the vendor behind it:
 * BATON_LITELLM_UPSTREAM_PORT.
 *
 * The proxy knows two models: `good`, with prices of 1 and 2 dollars a million tokens, and `bad`, which is `broken-model`
 * of the vendor and falls back to `good`.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { at } from '../lib/script.ts';
import { freePort, Missing, runService, serviceFolder } from './service.ts';
import type { Running, Service } from './service.ts';

export const litellm: Service = { name: 'litellm', start: startLiteLLM };

const PYTHON = 'import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 14) else 1)';

async function startLiteLLM(): Promise<Running> {
  const command = installed();
  // Packages stand in a cache of whoever runs this, which nobody else may be able to read.
  const folder = serviceFolder('litellm', {});
  const port = await freePort();
  const upstream = await freePort();
  const key = `sk-${randomBytes(18).toString('base64url')}`;
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configuration(upstream, key)));
  return runService(
    {
      name: 'LiteLLM',
      command,
      args: ['--config', join(folder, 'config.json'), '--host', '127.0.0.1', '--port', String(port)],
      folder,
      user: {},
      // It reads a hundred packages before it listens.
      readyWithinMs: 240_000,
      // Nothing is fetched: neither prices nor anything else.
      env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', NO_PROXY: '127.0.0.1' },
      ready: async () => {
        const { ok } = await fetch(`http://127.0.0.1:${port}/health/liveliness`, { signal: AbortSignal.timeout(2000) });
        if (!ok) throw new Error('not yet');
      },
    },
    {
      BATON_LITELLM_URL: `http://127.0.0.1:${port}`,
      BATON_LITELLM_KEY: key,
      BATON_LITELLM_UPSTREAM_PORT: String(upstream),
    },
  );
}

/** JSON is YAML. */
function configuration(upstream: number, key: string): object {
  const vendor = { api_base: `http://127.0.0.1:${upstream}/v1`, api_key: 'upstream' };
  const prices = { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 };
  return {
    model_list: [
      { model_name: 'good', litellm_params: { model: 'openai/fake-model', ...vendor, ...prices } },
      { model_name: 'bad', litellm_params: { model: 'openai/broken-model', ...vendor } },
    ],
    router_settings: { num_retries: 0, fallbacks: [{ bad: ['good'] }] },
    litellm_settings: { telemetry: false, include_cost_in_streaming_usage: true },
    general_settings: { master_key: key },
  };
}

/** The proxy's program, installed once for each list of packages. @throws Missing without Python or packages */
function installed(): string {
  const requirements = at('scripts', 'services', 'litellm', 'requirements.txt');
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'baton');
  const venv = join(cache, `litellm-${digest}`);
  const program = join(venv, 'bin', 'litellm');
  const complete = join(venv, 'complete');
  if (existsSync(complete)) return program;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  try {
    execFileSync('python3', ['-c', PYTHON], { stdio: 'ignore' });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' });
  } catch (error) {
    throw new Missing('LiteLLM needs python3, 3.10 to 3.13, with its module venv.', { cause: error });
  }
  console.log('▸ pip install --require-hashes -r scripts/services/litellm/requirements.txt');
  const options = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '--quiet', '--disable-pip-version-check'];
  try {
    execFileSync(join(venv, 'bin', 'pip'), ['install', ...options, '-r', requirements], { stdio: 'inherit' });
  } catch (error) {
    throw new Missing('LiteLLM could not be installed from PyPI.', { cause: error });
  }
  writeFileSync(complete, '');
  return program;
}
