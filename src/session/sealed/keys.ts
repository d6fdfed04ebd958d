/** Keys of sealed sessions: which there are, and what is derived from them. */
import { UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';

/**
 * A key under an id. The id is stored with each item and is no secret; it must not change its key.
 * With `passphrase` the key is derived by scrypt (N 32768, r 8, p 3: 32 MB, about a tenth of a second or more), once
 * for each session object: `deriveSessionKey` does it once for all.
 */
export type SessionKey =
  | { readonly id: string; /** 32 random bytes. */ readonly key: Uint8Array }
  | {
      readonly id: string;
      /** At least 12 characters. */
      readonly passphrase: string;
      /** Makes a table of guessed passphrases worthless elsewhere. Not secret. @default made from the id */
      readonly salt?: string;
    };

/** What items of one session are sealed with. */
export type Secret = {
  readonly id: string;
  /** Tells keys apart that share an id; says nothing of the key. */
  readonly check: string;
  readonly key: Uint8Array;
};

const KEY_BYTES = 32;
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 };
const SHORTEST_PASSPHRASE = 12;

/**
 * Derives a key from a passphrase, so that many sessions need not do it again.
 *
 * @throws UserError when the id or the passphrase is unfit
 */
export async function deriveSessionKey(key: SessionKey): Promise<SessionKey & { readonly key: Uint8Array }> {
  checkKey(key);
  if ('key' in key) return key;
  const { id, passphrase, salt = `baton.sealed.1/${id}` } = key;
  const derived = await new Promise<Uint8Array>((resolve, reject) => {
    node.crypto.scrypt(passphrase.normalize('NFC'), salt, KEY_BYTES, SCRYPT, (error, bytes) =>
      error ? reject(error) : resolve(bytes),
    );
  });
  return { id, key: derived };
}

/** @throws UserError for no keys, an unfit one, or two with one id */
export function checkKeys(keys: readonly SessionKey[]): void {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new UserError('EncryptedSession needs option `keys`: at least one { id, key } or { id, passphrase }.');
  }
  keys.forEach(checkKey);
  const ids = new Set(keys.map(({ id }) => id));
  if (ids.size < keys.length) throw new UserError('EncryptedSession: two `keys` have one id. Give each its own.');
}

/** The message never repeats what was given as a key. */
function checkKey(key: SessionKey): void {
  if (typeof key?.id !== 'string' || !/^[\w-]{1,64}$/.test(key.id)) {
    throw new UserError('The id of a session key must be 1 to 64 letters, digits, "_" or "-", such as "2026-11".');
  }
  if ('key' in key) {
    if (key.key instanceof Uint8Array && key.key.length === KEY_BYTES) return;
    throw new UserError(`Session key "${key.id}" must be ${KEY_BYTES} random bytes. Words go in as \`passphrase\`.`);
  }
  if (typeof key.passphrase === 'string' && key.passphrase.length >= SHORTEST_PASSPHRASE) return;
  throw new UserError(
    `Session key "${key.id}" needs \`key\` (32 bytes) or a \`passphrase\` of ${SHORTEST_PASSPHRASE} characters or more.`,
  );
}

/** The secrets of one session: each derived for its tenant and id, so that an item opens nowhere else. */
export async function secretsFor(
  keys: readonly SessionKey[],
  { tenant, session }: { tenant: string; session: string },
): Promise<readonly [Secret, ...Secret[]]> {
  const secrets: Secret[] = [];
  for (const given of keys) {
    const { id, key } = await deriveSessionKey(given);
    const check = node.crypto
      .createHmac('sha256', key)
      .update('baton.sealed.1/check')
      .digest()
      .subarray(0, 8)
      .toString('base64url');
    const info = JSON.stringify(['baton.sealed.1', tenant, session]);
    secrets.push({ id, check, key: new Uint8Array(node.crypto.hkdfSync('sha256', key, '', info, KEY_BYTES)) });
  }
  const [first, ...rest] = secrets;
  if (!first) throw new UserError('EncryptedSession has no keys.');
  return [first, ...rest];
}
