/**
 * What is done when an alert begins or ends to fire.
 */
import { warn } from '../../../protocol/warn.ts';
import { UserError } from '../../../protocol/errors.ts';
import { type Fetch, requestBytes } from '../../../wire/index.ts';
import type { AlertStatus } from './machine.ts';
import type { AlertRule } from './rules.ts';

/** An alert that fires, or does so no more. Plain JSON; this is what a webhook gets. */
export type AlertNotice = {
  readonly id: string;
  readonly metric: AlertRule['metric'];
  readonly severity: 'warning' | 'critical';
  /** `resolved` and `no data` end what `firing` began. */
  readonly status: Extract<AlertStatus, 'firing' | 'resolved' | 'no data'>;
  /** When this status began, in ISO 8601. */
  readonly since: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly samples: number;
  /** What breaches the rule, where it is not the value: `1 run came to 80 % of maxTurns`. */
  readonly because?: string;
};

/** Does something with a notice. What it throws is warned of, and stops no other action. */
export type AlertAction = (notice: AlertNotice) => void | Promise<void>;

/** Writes a line to the console, as a warning. */
export function logAlert(): AlertAction {
  return ({ id, status, value, limit, samples, because }) =>
    warn(
      `Alert "${id}" is ${status}: ${because === undefined ? '' : `${because}; `}${value === null ? 'no value' : short(value)} of ${samples} samples` +
        `${limit === null ? '' : `, limit ${short(limit)}`}.`,
    );
}

const short = (value: number): string => String(+value.toPrecision(4));

export type WebhookAlertOptions = {
  readonly url: string;
  /** Such as a bearer token; never logged. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Until the answer is there. @default 10_000 */
  readonly timeoutMs?: number;
  /** @default the global one */
  readonly fetch?: Fetch;
};

/**
 * POSTs each notice as JSON to a URL, once.
 *
 * @throws UserError where the URL is none of http or https
 */
export function webhookAlert({ url, headers = {}, timeoutMs = 10_000, fetch }: WebhookAlertOptions): AlertAction {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new UserError('The url of a webhook for alerts must begin with http:// or https://.');
  }
  return async (notice) => {
    await requestBytes({
      // What goes into messages: an address may hold a token in its path.
      provider: `The webhook at ${parsed.host}`,
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(timeoutMs),
      secrets: [...Object.values(headers), parsed.pathname, parsed.search].filter((secret) => secret.length > 3),
      ...(fetch && { fetch }),
    });
  };
}
