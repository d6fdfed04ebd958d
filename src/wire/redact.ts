/** Keeps keys out of messages. */

const SECRET_SHAPES = [
  // OpenAI, Anthropic, OpenRouter and their like.
  /\b(?:sk|rk|pk|sess|ek)-[A-Za-z0-9_*.-]{6,}/g,
  /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi,
  /\b(?:gsk|xai|hf|gh[opsur]|github_pat|npm|glpat|AIza)[_-]?[A-Za-z0-9_-]{16,}/g,
  // Amazon's key ids, Slack's tokens, Stripe's keys, JSON web tokens, private keys, passwords in URLs.
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bxox[abposr]-[A-Za-z0-9-]{10,}/g,
  /\b(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{12,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|$)/g,
  /\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,80}:)[^\s@/]{1,200}(?=@)/gi,
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
