/** Where the store is, and that only its owner can read it. */
import { dirname, join, resolve } from 'node:path';
import { node } from '../../protocol/node.ts';

const FOLDER = '.baton';
const FILE = 'traces.db';

/** The file of the store in a folder. @default `.baton` in the working directory, or what BATON_TRACE_STORE says */
export function traceStorePath(folder?: string): string {
  const said = folder ?? process.env['BATON_TRACE_STORE'];
  return resolve(join(said === undefined || said === '' || said === 'off' ? FOLDER : said, FILE));
}

/**
 * Makes the folder, 0700, and the file, 0600: SQLite gives its journal the mode of the file. What is there already
 * keeps its mode.
 *
 * @throws what the file system throws
 */
export function prepareFile(path: string): void {
  const folder = dirname(path);
  // What was said to agents is not for a repository.
  if (makeFolder(folder)) node.fs.writeFileSync(join(folder, '.gitignore'), '*\n', { mode: 0o600 });
  try {
    // Only where it is new: closing a file that SQLite has open would drop the locks of this process.
    node.fs.closeSync(node.fs.openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    // A pipe or a device fails only later, and then as a disk would that is broken.
    const there = node.fs.statSync(path, { throwIfNoEntry: false });
    if (there && !there.isFile()) throw new Error('it is there, and is no file', { cause: error });
  }
}

/**
 * Makes a folder and those above it, 0700. False where it is there already.
 *
 * By hand: Node's own way, `recursive`, tries for ever where the folder above is there and still nothing can be made in
 * it, as under /proc (seen in Node 24).
 */
function makeFolder(folder: string): boolean {
  if (isFolder(folder)) return false;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    node.fs.mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    // Another process was faster.
    if (isFolder(folder)) return false;
    throw error;
  }
}

const isFolder = (path: string): boolean => node.fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
