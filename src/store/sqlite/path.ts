import { basename, dirname, join, resolve } from 'node:path';
import { node } from '../../protocol/node.ts';

/** One name for one file, also through links, so that it gets one writer. */
export function resolvedPath(path: string): string {
  const full = resolve(path);
  for (const [existing, rest] of [[full], [dirname(full), basename(full)]]) {
    try {
      return rest === undefined
        ? node.fs.realpathSync(existing ?? full)
        : join(node.fs.realpathSync(existing ?? full), rest);
    } catch {
      // Not there yet: try its folder.
    }
  }
  return full;
}

/** The name of the database for writes that are committed along. */
export const storeName = (path: string): string => `sqlite:${path}`;
