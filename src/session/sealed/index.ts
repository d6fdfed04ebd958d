export { EncryptedSession } from './encrypted-session.ts';
export type { EncryptedSessionOptions } from './encrypted-session.ts';
export type { SealedHead } from './head.ts';
export { deriveSessionKey } from './keys.ts';
export type { SessionKey } from './keys.ts';
