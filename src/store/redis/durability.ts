/** Whether a server keeps what it acknowledges: asked once for each server, as far as it tells. */
import { warn } from '../../protocol/warn.ts';

export type Send = (args: string[]) => Promise<unknown>;

/** What is wrong with the settings of a server, as sentences. Nothing, where what is acknowledged is kept. */
export async function weaknesses(send: Send, what: string): Promise<readonly string[]> {
  const settings = await settingsOf(send);
  if (!settings) return ['it does not tell its settings (CONFIG and INFO are not allowed)'];
  const found: string[] = [];
  const { appendonly, appendfsync, maxmemory = '0', 'maxmemory-policy': policy = 'noeviction' } = settings;
  if (appendonly !== 'yes') {
    found.push('appendonly is not "yes": what is acknowledged is lost when the server is killed');
  } else if (appendfsync === 'no') {
    found.push('appendfsync is "no": seconds of what is acknowledged may be lost with the power');
  }
  if (maxmemory !== '0' && policy !== 'noeviction') {
    found.push(`maxmemory-policy is "${policy}": ${what} are thrown away when memory is short`);
  }
  return found;
}

type Settings = { readonly [name: string]: string };

async function settingsOf(send: Send): Promise<Settings | undefined> {
  const names = ['appendonly', 'appendfsync', 'maxmemory', 'maxmemory-policy'];
  try {
    return pairsOf(await send(['CONFIG', 'GET', ...names]));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  try {
    // Hosted servers forbid CONFIG. Whether appendfsync is "no" is not in here.
    const info = String(await send(['INFO']));
    const read = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    return {
      appendonly: read('aof_enabled') === '1' ? 'yes' : 'no',
      maxmemory: read('maxmemory') ?? '0',
      'maxmemory-policy': read('maxmemory_policy') ?? 'noeviction',
    };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

const isRefusal = (error: unknown): boolean => error instanceof Error && /^(NOPERM|ERR )/.test(error.message);

/** RESP 2 sends a list of names and values, RESP 3 a map. */
function pairsOf(reply: unknown): Settings {
  if (reply instanceof Map) return Object.fromEntries([...reply].map(([name, value]) => [String(name), String(value)]));
  if (!Array.isArray(reply)) {
    return Object.fromEntries(Object.entries(reply ?? {}).map(([name, value]) => [name, String(value)]));
  }
  return Object.fromEntries(
    reply.flatMap((name, index) => (index % 2 === 0 ? [[String(name), String(reply[index + 1])]] : [])),
  );
}

const warned = new WeakMap<object, Set<string>>();

/**
 * Warns, once for each server and kind of thing.
 *
 * @param about.what what may be lost, such as `sessions`
 * @throws what `refuse` makes, where a server that keeps what it acknowledges is required
 */
export function judgeDurability(
  found: readonly string[],
  about: { place: string; what: string; server: object; refuse: ((message: string) => Error) | undefined },
): void {
  const { place, what, refuse, server } = about;
  if (found.length === 0) return;
  const said = `${place} may lose ${what}: ${found.join('; ')}`;
  if (refuse) {
    const remedy = 'Change its settings, or leave out requireDurable.';
    throw refuse(`${said}. Nothing was written, because requireDurable is set. ${remedy}`);
  }
  const known = warned.get(server) ?? new Set();
  if (known.has(what)) return;
  warned.set(server, known.add(what));
  warn(`${said}. Set requireDurable to refuse such a server.`);
}
