/** Keeps keys out of messages. */

/**
 * A shape, and what a text in lower case has in it where the shape can be there at all: looking for that is a hundred
 * times cheaper.
 */
type Shape = { readonly hints: readonly string[]; readonly shape: RegExp };

/** None of the shapes takes the full stop that ends a sentence. */
const PREFIXED = /\b(?:sk|rk|pk|sess|ek)-[A-Za-z0-9_*.-]{5,}[A-Za-z0-9_*-]/g;
/** `sk-learn-based`: short words in lower case. What is drawn by chance has digits, capitals, or is longer. */
const WORDS = /^[a-z]{1,15}(?:[-.][a-z]{1,15})*$/;
/** What makes any such word a key: `key provided: …`, `API_TOKEN=…`. */
const SAYS_KEY = /(?:^|[^a-z])(?:key|token|secret|bearer|authorization)s?(?:[^a-z][^\n]{0,24})?$/i;
const LOOKS_BACK = 40;

const SECRET_SHAPES: readonly Shape[] = [
  // OpenAI, Anthropic, OpenRouter and their like.
  { hints: ['sk-', 'rk-', 'pk-', 'sess-', 'ek-'], shape: PREFIXED },
  { hints: ['bearer', 'basic'], shape: /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{5,}[A-Za-z0-9_~+/=-]/gi },
  {
    hints: ['gsk', 'xai', 'hf', 'gh', 'npm', 'glpat', 'aiza'],
    shape: /\b(?:gsk|xai|hf|gh[opsur]|github_pat|npm|glpat|AIza)[_-]?[A-Za-z0-9_-]{16,}/g,
  },
  // Amazon's key ids, Slack's tokens, Stripe's keys, JSON web tokens, private keys, passwords in URLs.
  { hints: ['akia', 'asia'], shape: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { hints: ['xox'], shape: /\bxox[abposr]-[A-Za-z0-9-]{10,}/g },
  { hints: ['sk_', 'rk_', 'pk_', 'whsec_'], shape: /\b(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{12,}/g },
  { hints: ['eyj'], shape: /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g },
  {
    hints: ['private key'],
    shape: /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|$)/g,
  },
  { hints: ['://'], shape: /\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,80}:)[^\s@/]{1,200}(?=@)/gi },
  {
    hints: ['api', 'access', 'authorization'],
    shape: /\b((?:api[-_ ]?key|access[-_ ]?token|authorization)["']?\s*[:=]\s*["']?)[^\s"',}&]{5,}[^\s"',}&.]/gi,
  },
];

/**
 * Replaces what looks like a key, and each secret that is given by value, by `[redacted]`.
 * Vendors quote the key in their 401 bodies; gateways echo whole headers.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]');
  const lower = clean.toLowerCase();
  for (const { hints, shape } of SECRET_SHAPES) {
    if (!hints.some((hint) => lower.includes(hint))) continue;
    if (shape === PREFIXED) clean = clean.replace(shape, hideKey);
    else {
      clean = clean.replace(shape, (_match, prefix: unknown) =>
        typeof prefix === 'string' ? `${prefix}[redacted]` : '[redacted]',
      );
    }
  }
  return clean;
}

function hideKey(match: string, at: number, text: string): string {
  const isWords = WORDS.test(match) && !SAYS_KEY.test(text.slice(Math.max(0, at - LOOKS_BACK), at));
  return isWords ? match : '[redacted]';
}
