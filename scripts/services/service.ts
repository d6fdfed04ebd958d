/**
 * What the services share: an ordinary user, free ports, Debian's packages, processes that end with whoever started
 * them.
 *
 * A service is one file beside this one, which exports a `Service`; main.ts lists them.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Service = {
  readonly name: string;
  /** @throws Missing where the machine has no such program and none can be installed */
  readonly start: () => Promise<Running>;
};

/** A server that listens on loopback. */
export type Running = {
  /** What a command needs to connect: `BATON_<NAME>_URL` at least. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it, and starts it again on the same port and data. `kill` is SIGKILL, `stop` is how the service ends well. */
  readonly restart: (how: 'kill' | 'stop') => Promise<void>;
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>;
};

/** The machine lacks a service. Not a failure on a developer's machine; in CI it is. */
export class Missing extends Error {}

/** The folder of a program, from PATH or `folders`; installed by apt-get where that is missing and this is root. */
export function findProgram(program: string, { packages, folders }: Debian): string {
  const found = lookFor(program, folders());
  if (found !== undefined) return found;
  const wanted = `apt-get install ${packages.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Missing(`${program} is not installed. Run: sudo ${wanted}`);
  console.log(`▸ ${wanted}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'inherit' });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
      env,
      stdio: 'inherit',
    });
  } catch (error) {
    throw new Missing(`${program} is not installed, and "${wanted}" failed.`, { cause: error });
  }
  const installed = lookFor(program, folders());
  if (installed === undefined) throw new Missing(`${program} is still not there after "${wanted}".`);
  return installed;
}

export type Debian = {
  readonly packages: readonly string[];
  /** Where to look before PATH. Asked again after an installation. */
  readonly folders: () => readonly string[];
};

function lookFor(program: string, folders: readonly string[]): string | undefined {
  return [...folders, ...(process.env['PATH'] ?? '').split(delimiter)].find(
    (folder) => folder !== '' && existsSync(join(folder, program)),
  );
}

export type User = { readonly uid?: number; readonly gid?: number };

/** Servers do not run as root: then it is `nobody`, else whoever runs this. */
export function ordinaryUser(): User {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A folder for one service, which its user may write to. */
export function serviceFolder(name: string, { uid, gid }: User): string {
  const folder = mkdtempSync(join(tmpdir(), `baton-${name}-`));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

/** A port of loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address) resolve(address.port);
        else reject(new Error('The system gave no port.'));
      });
    });
  });
}

export type Program = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly user: User;
  readonly env?: Readonly<Record<string, string>>;
  /** How the service is asked to end well. @default SIGTERM */
  readonly stopSignal?: NodeJS.Signals;
  /** Resolves once it answers; asked again and again while it throws. */
  readonly ready: () => Promise<void>;
  /** How long that may take, in milliseconds. @default 60_000 */
  readonly readyWithinMs?: number;
};

/** Starts a program, waits until it answers, and sees to its end. Its output goes to `<folder>/log`. */
export async function runService(program: Program, env: Running['env']): Promise<Running> {
  const { folder, stopSignal = 'SIGTERM' } = program;
  let child = await startProgram(program).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    env,
    restart: async (how) => {
      await end(child, how === 'kill' ? 'SIGKILL' : stopSignal);
      child = await startAgain(program);
    },
    stop: async () => {
      await end(child, stopSignal);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a killed server leaves behind, such as processes that hold its memory, may be in the way for a moment. */
async function startAgain(program: Program): Promise<ChildProcess> {
  for (let tries = 1; tries < 20; tries++) {
    try {
      return await startProgram(program);
    } catch {
      await sleep(100);
    }
  }
  return startProgram(program);
}

async function startProgram({ readyWithinMs = 60_000, ...program }: Program): Promise<ChildProcess> {
  const { name, command, args, folder, user, env, ready } = program;
  const log = join(folder, 'log');
  const fd = openSync(log, 'a');
  const stdio: StdioOptions = ['ignore', fd, fd];
  const child = spawn(command, args, { ...user, cwd: folder, env: { ...process.env, ...env }, stdio });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${String(code ?? signal)}`)));
  });
  failed.catch(() => undefined);
  guard(child, folder);
  try {
    await Promise.race([failed, waitFor({ name, ready, withinMs: readyWithinMs })]);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${name} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`, { cause: error });
  }
  return child;
}

type Waiting = Pick<Program, 'name' | 'ready'> & { withinMs: number };

async function waitFor({ name, ready, withinMs }: Waiting): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await ready();
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`${name} gave no answer for ${withinMs / 1000} s`, { cause: error });
      await sleep(50);
    }
  }
}

/**
 * Ends the server where this process is killed and cannot do it: a shell that waits for the end of a pipe. While the
 * server lives its process id is its own, so that the shell kills nobody else.
 */
function guard(child: ChildProcess, folder: string): void {
  if (child.pid === undefined) return;
  const script = 'read -r line; [ "$line" = done ] || { kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"; }';
  const shell = spawn('sh', ['-c', script, 'sh', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => undefined);
  child.once('exit', () => shell.stdin.end('done\n'));
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
}

/** Says something to a port and resolves with the first answer that `isGood` likes. */
export function ask(port: number, say: string, isGood: (answer: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(say));
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
    socket.on('data', (data) => {
      if (isGood(data.toString())) resolve();
      else reject(new Error(data.toString()));
      socket.destroy();
    });
  });
}
