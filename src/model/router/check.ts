/** What the options of a router may be: who slips is told which name was meant, or which values there are. */
import { UserError } from '../../protocol/errors.ts';
import type { ModelErrorKind } from '../../wire/index.ts';
import { checkKeys, suggestion } from '../strings/index.ts';
import type { BalanceStrategy, ModelCapabilities, RouterOptions } from './types.ts';

const OPTIONS = [
  'models',
  'providers',
  'retry',
  'timeouts',
  'breaker',
  'healthBoard',
  'fallbackOn',
  'midStream',
  'maxQueueMs',
  'maxRecoveries',
  'prices',
  'capabilities',
  'cache',
  'sticky',
  'onEvent',
  'clock',
];
const PARTS = {
  retry: [
    'maxAttempts',
    'maxTotalAttempts',
    'initialDelayMs',
    'factor',
    'maxDelayMs',
    'maxRetryAfterMs',
    'budgetRatio',
    'budgetBurst',
  ],
  timeouts: ['headersMs', 'idleMs', 'firstTokenMs', 'totalMs'],
  breaker: ['window', 'windowMs', 'minCalls', 'failureRate', 'openMs', 'cooldownMs', 'configErrorMs'],
} as const;
const CAPABILITIES: { readonly [name in keyof Required<ModelCapabilities>]: 'boolean' | 'number' } = {
  tools: 'boolean',
  hostedTools: 'boolean',
  structuredOutput: 'boolean',
  vision: 'boolean',
  contextWindow: 'number',
};
const MAKERS = {
  cache: 'Make it with createResponseCache().',
  healthBoard: 'Make it with memoryHealthBoard() or redisHealthBoard({ url }).',
  prices: 'Make it with createPrices().',
} as const;
const KINDS: { readonly [kind in ModelErrorKind]: true } = {
  rate_limit: true,
  quota_exhausted: true,
  overloaded: true,
  server: true,
  network: true,
  timeout: true,
  truncated_stream: true,
  auth: true,
  permission: true,
  not_found: true,
  bad_request: true,
  context_window: true,
  content_policy: true,
  incomplete: true,
  cancelled: true,
  unknown: true,
};
const STRATEGIES: { readonly [strategy in BalanceStrategy]: true } = {
  weighted: true,
  leastLoaded: true,
  lowestLatency: true,
  cheapest: true,
};

function checkWord(where: string, given: unknown, known: object): void {
  if (typeof given === 'string' && Object.hasOwn(known, given)) return;
  const words = Object.keys(known);
  const near = typeof given === 'string' ? suggestion(given, words) : undefined;
  const hint = near === undefined ? `It can be ${words.join(', ')}.` : `Did you mean "${near}"?`;
  throw new UserError(`${where} is ${JSON.stringify(given)}. ${hint}`);
}

export const checkStrategy = (where: string, strategy: unknown): void =>
  checkWord(`The strategy of ${where}`, strategy, STRATEGIES);

/** @throws UserError for what cannot be meant. Numbers are looked at where they are used. */
export function checkOptions<Names extends string>(options: RouterOptions<Names>): void {
  const given: { models?: unknown } | undefined = options;
  if (typeof given?.models !== 'object' || given.models === null) {
    throw new UserError('createRouter got no models. Give models: { name: "provider/model" }.');
  }
  checkKeys('createRouter', options, OPTIONS);
  for (const [name, method] of [
    ['cache', 'enter'],
    ['healthBoard', 'exchange'],
    ['prices', 'costOf'],
  ] as const) {
    const part: object | undefined = options[name];
    if (part === undefined || (Object(part) === part && method in part)) continue;
    throw new UserError(`createRouter got ${name}: ${JSON.stringify(part)}. ${MAKERS[name]}`);
  }
  const { fallbackOn = [], midStream = 'fail', capabilities = {} } = options;
  for (const part of ['retry', 'timeouts', 'breaker'] as const) {
    const given = options[part];
    if (given) checkKeys(`createRouter's ${part}`, given, PARTS[part]);
  }
  for (const [name, value] of Object.entries(options.breaker ?? {})) {
    if (value === undefined || value >= 0) continue;
    throw new UserError(`createRouter got breaker.${name}: ${value}. Give a number, 0 or more.`);
  }
  for (const kind of fallbackOn) checkWord('A kind in fallbackOn', kind, KINDS);
  checkWord('midStream', midStream, { fail: true, restart: true });
  for (const [model, can] of Object.entries(capabilities)) {
    if (!model.includes('/')) {
      throw new UserError(
        `createRouter got capabilities of ${JSON.stringify(model)}. Name it with its provider: openai/${model}.`,
      );
    }
    checkCapabilities(`capabilities of ${model}`, can);
  }
}

export function checkCapabilities(where: string, can: ModelCapabilities): void {
  checkKeys(where, can, Object.keys(CAPABILITIES));
  for (const [name, value] of Object.entries(can)) {
    const wanted = Object.entries(CAPABILITIES).find(([known]) => known === name)?.[1];
    if (value === undefined || typeof value === wanted) continue;
    throw new UserError(`${where} has ${name}: ${JSON.stringify(value)}. Give a ${String(wanted)}.`);
  }
}
