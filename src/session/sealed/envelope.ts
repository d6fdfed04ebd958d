/**
 * One sealed item: AES-256-GCM over the item, bound to where it stands.
 *
 * L1 What is authenticated: key, tenant, session, position, operation, time, and the tag of the item before.
 * L2 A text has one spelling: what was decoded must encode to the same text, so that no changed byte goes unnoticed.
 * L3 Nonces are random, but for a first row, whose content and place are fixed: two writers make the same one.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import { node } from '../../protocol/node.ts';
import type { Secret } from './keys.ts';

/** Where an item stands. */
export type Place = {
  readonly tenant: string;
  readonly session: string;
  /** 0 is the first row, which holds no item. */
  readonly seq: number;
  /** Tag of the row before; empty for the first row. */
  readonly prev: string;
  /** Mark of the operation that added it, or empty. */
  readonly op: string;
  /** When it was sealed, milliseconds since 1970. 0 in the first row. */
  readonly at: number;
};

/** What a stored row says without a key. */
export type Envelope = Omit<Place, 'tenant' | 'session'> & {
  readonly keyId: string;
  readonly check: string;
  readonly nonce: string;
  readonly body: string;
  /** Last 16 bytes of the body: what the next row names as `prev`. */
  readonly tag: string;
};

const VERSION = 'baton.sealed.1';
const TAG_BYTES = 16;
const FIRST_ROW = 'first row';

/** The item that a store keeps in the place of a sealed one. */
const rowOf = (sealed: string): AgentInputItem => ({ type: 'unknown', providerData: { sealed } });

export function seal(text: string, place: Place, secret: Secret): AgentInputItem {
  const first = place.seq === 0;
  const nonce = first
    ? node.crypto.createHmac('sha256', secret.key).update(FIRST_ROW).digest().subarray(0, 12)
    : node.crypto.randomBytes(12);
  const cipher = node.crypto.createCipheriv('aes-256-gcm', secret.key, nonce);
  cipher.setAAD(boundTo(place, secret));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const { seq, at, prev, op } = place;
  const parts = [VERSION, secret.id, secret.check, seq, at, prev, op, nonce.toString('base64url')];
  return rowOf([...parts, body.toString('base64url')].join(':'));
}

/** The row that begins a session. */
export function firstRow(scope: Pick<Place, 'tenant' | 'session'>, secret: Secret): AgentInputItem {
  return seal('', { ...scope, seq: 0, prev: '', op: '', at: 0 }, secret);
}

/** Whether a row looks sealed at all; if not it is plaintext. */
export function isSealed(row: AgentInputItem): boolean {
  return sealedText(row) !== undefined;
}

function sealedText(row: AgentInputItem): string | undefined {
  const { type, providerData } = row;
  const sealed = type === 'unknown' ? providerData?.['sealed'] : undefined;
  return typeof sealed === 'string' ? sealed : undefined;
}

/** Reads a row without opening it. `undefined`: not as `seal` writes it. */
export function envelopeOf(row: AgentInputItem): Envelope | undefined {
  const sealed = sealedText(row);
  if (sealed === undefined || Object.keys(row).length !== 2 || Object.keys(row.providerData ?? {}).length !== 1) {
    return undefined;
  }
  const parts = sealed.split(':');
  const [version, keyId = '', check = '', seq, at, prev = '', op = '', nonce = '', body = ''] = parts;
  const isWhole = parts.length === 9 && version === VERSION;
  if (!isWhole || ![seq, at].every(isCount) || ![prev, nonce, body].every(isBase64)) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  if (bytes.length < TAG_BYTES || Buffer.from(nonce, 'base64url').length !== 12) return undefined;
  const tag = bytes.subarray(-TAG_BYTES).toString('base64url');
  return { keyId, check, seq: Number(seq), at: Number(at), prev, op, nonce, body, tag };
}

const isCount = (text: string | undefined): boolean => /^(0|[1-9]\d{0,15})$/.test(text ?? '');
const isBase64 = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text;

/** The item's text; `undefined` when it was changed, or belongs elsewhere. */
export function open(envelope: Envelope, scope: Pick<Place, 'tenant' | 'session'>, secret: Secret): string | undefined {
  const bytes = Buffer.from(envelope.body, 'base64url');
  const decipher = node.crypto.createDecipheriv('aes-256-gcm', secret.key, Buffer.from(envelope.nonce, 'base64url'));
  decipher.setAAD(boundTo({ ...scope, ...envelope }, secret));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    // GCM says nothing more than that the tag does not fit.
    return undefined;
  }
}

function boundTo({ tenant, session, seq, prev, op, at }: Place, { id, check }: Secret): Buffer {
  return Buffer.from(JSON.stringify([VERSION, id, check, tenant, session, seq, at, prev, op]), 'utf8');
}

/** Finds the rows of an operation again without storing its id. */
export function operationMark(operationId: string, { tenant, session }: Pick<Place, 'tenant' | 'session'>): string {
  const hash = node.crypto
    .createHash('sha256')
    .update(JSON.stringify([VERSION, tenant, session, operationId]))
    .digest();
  return hash.subarray(0, TAG_BYTES).toString('base64url');
}
