/** Keeps keys out of messages. */

const SECRET_SHAPES = [
  // OpenAI, Anthropic, OpenRouter and their like.
  /\b(?:sk|rk|pk|sess|ek)-[A-Za-z0-9_*.-]{6,}/g,
  /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi,
  /\b(?:gsk|xai|hf|ghp|AIza)[_-]?[A-Za-z0-9_-]{16,}/g,
  /\b((?:api[-_ ]?key|access[-_ ]?token|authorization)["']?\s*[:=]\s*["']?)[^\s"',}&]{6,}/gi,
];

/**
 * Replaces what looks like a key, and each secret that is given by value, by `[redacted]`.
 * Vendors quote the key in their 401 bodies; gateways echo whole headers.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]');
  for (const shape of SECRET_SHAPES) {
    clean = clean.replace(shape, (_match, prefix: unknown) =>
      typeof prefix === 'string' ? `${prefix}[redacted]` : '[redacted]',
    );
  }
  return clean;
}
