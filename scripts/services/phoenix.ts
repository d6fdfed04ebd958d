/**
 * Arize Phoenix, a back end for traces: OTLP in by protobuf, a REST API out. Gives BATON_PHOENIX_URL.
 *
 * From PyPI, into a folder outside of the repository that is kept from run to run: about 850 MB. Its licence (ELv2)
 * makes it a peer of tests; nothing of it is shipped.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, Missing, ordinaryUser, runService, serviceFolder } from './service.ts';
import type { Running, Service, User } from './service.ts';

const VERSION = '20.26.1';

export const phoenix: Service = { name: 'phoenix', start: startPhoenix };

/** Its gRPC port would listen on all addresses; there is no setting for it. */
const LOOPBACK_ONLY = `
import sys, grpc.aio._server as server
listen = server.Server.add_insecure_port
server.Server.add_insecure_port = lambda self, address: listen(self, address.replace('[::]', '127.0.0.1'))
sys.argv = ['phoenix', 'serve']
from phoenix.server.main import main
main()
`;

async function startPhoenix(): Promise<Running> {
  const user = ordinaryUser();
  const python = findPhoenix(user);
  const folder = serviceFolder('phoenix', user);
  const [port, grpcPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  return runService(
    {
      name: 'Phoenix',
      command: python,
      args: ['-c', LOOPBACK_ONLY],
      folder,
      user,
      env: {
        HOME: folder,
        PHOENIX_WORKING_DIR: folder,
        PHOENIX_HOST: '127.0.0.1',
        PHOENIX_PORT: String(port),
        PHOENIX_GRPC_PORT: String(grpcPort),
        PHOENIX_TELEMETRY_ENABLED: 'false',
        PHOENIX_ALLOW_EXTERNAL_RESOURCES: 'false',
        PYTHONDONTWRITEBYTECODE: '1',
      },
      ready: async () => {
        const { ok, status } = await fetch(`${url}/healthz`);
        if (!ok) throw new Error(`it answered ${status}`);
      },
    },
    { BATON_PHOENIX_URL: url },
  );
}

/** The Python of a virtual environment with Phoenix in it, which is made where it is missing. */
function findPhoenix(user: User): string {
  const folder = join(process.env['BATON_SERVICES'] ?? shelter(), `phoenix-${VERSION}`);
  const python = join(folder, 'bin', 'python3');
  // Written last, so that an installation that was cut off is done again.
  const done = join(folder, 'lib', 'baton-installed');
  if (existsSync(done)) return python;
  console.log(`▸ pip install arize-phoenix==${VERSION}, into ${folder}`);
  try {
    execFileSync(findPython(user), ['-m', 'venv', '--clear', folder], { stdio: 'inherit' });
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `arize-phoenix==${VERSION}`];
    execFileSync(python, args, { stdio: 'inherit' });
    mkdirSync(done);
  } catch (error) {
    throw new Missing(`Phoenix cannot be installed: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    });
  }
  return python;
}

/** A Python that can make an environment and that the user may run: one in the home of root is not. */
function findPython(user: User): string {
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(python, ['-c', 'import venv, ensurepip'], { ...user, cwd: tmpdir(), stdio: 'ignore' });
      return python;
    } catch {
      // The next one, or the error below.
    }
  }
  throw new Error('There is no python3 with venv. Run: sudo apt-get install python3-venv');
}

/** Where the ordinary user can read it: the home of root is closed to others. */
function shelter(): string {
  if (process.getuid?.() !== 0)
    return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'baton-services');
  const folder = join(tmpdir(), 'baton-services');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = statSync(folder);
  // What somebody else put there is not run.
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new Missing(`${folder} belongs to others. Set BATON_SERVICES to a folder.`);
  return folder;
}
