/**
 * Starts services, runs a command with their connection settings in its environment, and stops them, also on failure:
 * `node scripts/services/main.ts postgres redis -- npx vitest run`.
 *
 * A service that the machine lacks is said loudly and left out, so that tests which need it are skipped; in CI it is an
 * error.
 */
import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { at, duration, root } from '../lib/script.ts';
import { Missing } from './service.ts';
import type { Running, Service } from './service.ts';
import { litellm } from './litellm.ts';
import { phoenix } from './phoenix.ts';
import { postgres } from './postgres.ts';
import { prometheus } from './prometheus.ts';
import { redis } from './redis.ts';

const SERVICES: readonly Service[] = [postgres, redis, phoenix, litellm, prometheus];

async function main(args: readonly string[]): Promise<number> {
  const split = args.indexOf('--');
  const [command, ...rest] = split < 0 ? [] : args.slice(split + 1);
  const names = args.slice(0, split < 0 ? args.length : split);
  const known = SERVICES.map(({ name }) => name).join(', ');
  if (command === undefined || names.length === 0) {
    throw new Error(
      `Name services and a command: node scripts/services/main.ts postgres -- command. Services: ${known}`,
    );
  }
  const wanted = names.map((name) => {
    const service = SERVICES.find((one) => one.name === name);
    if (!service) throw new Error(`There is no service "${name}". There are: ${known}.`);
    return service;
  });
  const running: Running[] = [];
  try {
    for (const service of wanted) {
      const started = await startOrSkip(service);
      if (started) running.push(started);
    }
    return await runCommand(command, rest, Object.assign({}, ...running.map(({ env }) => env)));
  } finally {
    await Promise.all(running.map((service) => service.stop()));
  }
}

async function startOrSkip(service: Service): Promise<Running | undefined> {
  const from = performance.now();
  try {
    const running = await service.start();
    console.log(`▸ ${service.name} listens, after ${duration(performance.now() - from)}`);
    return running;
  } catch (error) {
    if (!(error instanceof Missing) || process.env['CI'] === 'true') throw error;
    console.error(
      `!!! SKIPPED ${service.name}: ${error.message} Tests that need it are skipped. In CI this is an error.`,
    );
    return undefined;
  }
}

/** Signals go to the command; when it has ended, the services are stopped. */
function runCommand(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const path = `${at('node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, PATH: path, ...env }, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
