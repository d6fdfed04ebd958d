/** The port of a response cache's store. */

/** Where an answer is kept. No tenant ever reads what another one wrote. */
export type ResponseCacheKey = {
  readonly tenant: string;
  /** 64 hexadecimal digits. */
  readonly key: string;
};

/**
 * Where a response cache keeps its answers: JSON texts that end by themselves.
 *
 * Losing an entry is allowed at any time. Giving one after its time, or to another tenant, is not.
 */
export interface ResponseCacheStore {
  /** The text, or `undefined` where there is none, or its time is over. */
  get(at: ResponseCacheKey): Promise<string | undefined>;
  /** Keeps a text in place of what was there, for a time in milliseconds. */
  set(at: ResponseCacheKey, text: string, options: { ttlMs: number }): Promise<void>;
  /** Forgets all that a tenant has. */
  clear(tenant: string): Promise<void>;
  close(): Promise<void>;
}
