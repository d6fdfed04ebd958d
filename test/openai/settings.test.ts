/** Default models, hosted tools, retry policies and errors as seen by policies, against the published package. */
import * as published from '@openai/agents';
import { afterEach, describe, expect, test } from 'vitest';
import * as defaults from '../../src/model/index.ts';
import { normalizeError, retryPolicies } from '../../src/model/index.ts';
import type { RetryPolicy, RetryPolicyContext } from '../../src/protocol/model.ts';
import {
  codeInterpreterTool,
  fileSearchTool,
  imageGenerationTool,
  webSearchTool,
} from '../../src/providers/openai/index.ts';

const before = process.env['OPENAI_DEFAULT_MODEL'];
afterEach(() => {
  if (before === undefined) delete process.env['OPENAI_DEFAULT_MODEL'];
  else process.env['OPENAI_DEFAULT_MODEL'] = before;
});

const FAMILIES = [
  'gpt-4.1',
  'gpt-4o',
  'o3',
  'o1-mini',
  'gpt-oss-120b',
  '',
  'GPT-5',
  'openai/gpt-5',
  'gpt-50',
  'gpt-6',
  'gpt-6.1-mini',
  'gpt-10',
  'gpt-5.10',
  'gpt-5-foo',
  'gpt-5.',
  'chat-latest',
];
const VERSIONS = ['gpt-5', 'gpt-5.0', 'gpt-5.1', 'gpt-5.2', 'gpt-5.3', 'gpt-5.4', 'gpt-5.5', 'gpt-5.6', 'gpt-5.7'];
const VARIANTS = [
  '',
  '-mini',
  '-nano',
  '-pro',
  '-codex',
  '-codex-max',
  '-codex-mini',
  '-codex-spark',
  '-chat',
  '-chat-latest',
  '-luna',
  '-sol',
  '-terra',
  '-search-api',
];
const NAMES = [
  ...FAMILIES,
  ...VERSIONS.flatMap((version) =>
    VARIANTS.flatMap((variant) => [version + variant, `${version}${variant}-2026-01-31`]),
  ),
];

describe('default models', () => {
  test.each(NAMES)('the settings of %j are the published ones', (name) => {
    expect(defaults.getDefaultModelSettings(name)).toEqual(published.getDefaultModelSettings(name));
    expect(defaults.gpt5ReasoningSettingsRequired(name)).toBe(published.gpt5ReasoningSettingsRequired(name));
  });

  test.each(['GPT-4o', 'gpt-5.1', ' x '])('OPENAI_DEFAULT_MODEL=%j gives the published default', (value) => {
    process.env['OPENAI_DEFAULT_MODEL'] = value;
    expect(defaults.getDefaultModel()).toBe(published.getDefaultModel());
    expect(defaults.isGpt5Default()).toBe(published.isGpt5Default());
    expect(defaults.getDefaultModelSettings()).toEqual(published.getDefaultModelSettings());
  });

  test('an empty OPENAI_DEFAULT_MODEL is as good as none', () => {
    process.env['OPENAI_DEFAULT_MODEL'] = '';
    expect(defaults.getDefaultModel()).toBe('gpt-5.4-mini');
  });

  test('the variable has its published name', () => {
    expect(defaults.OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME).toBe(published.OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME);
  });
});

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('hosted tools are the published ones', () => {
  test.each([
    undefined,
    {},
    {
      name: 'x',
      userLocation: { type: 'approximate', city: 'P' },
      filters: { allowedDomains: ['a'] },
      searchContextSize: 'low',
      externalWebAccess: false,
      searchContentTypes: ['image'],
      imageSettings: { maxResults: 3, caption: true },
    },
    { filters: {} },
    { filters: { allowedDomains: null } },
    { imageSettings: {} },
  ] as const)('web search %j', (options) => {
    expect(plain(webSearchTool(options as never))).toEqual(plain(published.webSearchTool(options as never)));
  });

  test.each([
    ['v', undefined],
    [
      ['a', 'b'],
      {
        name: 'n',
        maxNumResults: 3,
        includeSearchResults: true,
        rankingOptions: { ranker: 'auto' },
        filters: { type: 'eq', key: 'k', value: 'v' },
      },
    ],
  ] as const)('file search %j %j', (ids, options) => {
    expect(plain(fileSearchTool(ids as never, options as never))).toEqual(
      plain(published.fileSearchTool(ids as never, options as never)),
    );
  });

  test.each([undefined, { name: 'q', includeOutputs: true, container: 'c', allowedCallers: ['direct'] }])(
    'code interpreter %j',
    (options) => {
      expect(plain(codeInterpreterTool(options as never))).toEqual(
        plain(published.codeInterpreterTool(options as never)),
      );
    },
  );

  test.each([
    undefined,
    {
      name: 'n',
      action: 'edit',
      background: 'auto',
      inputFidelity: 'high',
      inputImageMask: { file_id: 'f' },
      model: 'm',
      moderation: 'low',
      outputCompression: 3,
      outputFormat: 'png',
      partialImages: 2,
      quality: 'low',
      size: 'auto',
    },
  ])('image generation %j', (options) => {
    expect(plain(imageGenerationTool(options as never))).toEqual(
      plain(published.imageGenerationTool(options as never)),
    );
  });
});

const context = (more: Partial<RetryPolicyContext>): RetryPolicyContext => ({
  error: new Error('e'),
  attempt: 1,
  maxRetries: 3,
  stream: false,
  normalized: { isNetworkError: false, isAbort: false },
  ...more,
});
const CONTEXTS: Partial<RetryPolicyContext>[] = [
  {},
  { providerAdvice: { suggested: true } },
  { providerAdvice: { suggested: false, reason: 'z' } },
  { providerAdvice: { suggested: true, retryAfterMs: 5, reason: 'r', replaySafety: 'safe' } },
  { providerAdvice: { retryAfterMs: 5 } },
  { normalized: { isNetworkError: true, isAbort: false } },
  { normalized: { isNetworkError: false, isAbort: false, statusCode: 429, retryAfterMs: 7 } },
];
const DECISIONS = [
  true,
  false,
  { retry: true, delayMs: 5, reason: 'a' },
  { retry: true, delayMs: 9, approveUnsafeReplay: true },
  { retry: false, reason: 'x' },
];

describe('retry policies answer as the published ones', () => {
  test.each(CONTEXTS)('for %j', async (more) => {
    for (const name of ['never', 'providerSuggested', 'networkError', 'retryAfter'] as const) {
      const at = context(more);
      expect(await retryPolicies[name]()(at), name).toEqual(await (published.retryPolicies[name]() as RetryPolicy)(at));
    }
    const at = context(more);
    const theirs = published.retryPolicies.httpStatus([429]) as RetryPolicy;
    expect(await retryPolicies.httpStatus([429])(at)).toEqual(await theirs(at));
  });

  test('any and all, for every pair of decisions', async () => {
    const policies = DECISIONS.map(
      (decision): RetryPolicy =>
        () =>
          decision,
    );
    const pairs = [[], ...policies.map((p) => [p]), ...policies.flatMap((a) => policies.map((b) => [a, b]))];
    const normal = (decision: unknown): unknown => (typeof decision === 'boolean' ? { retry: decision } : decision);
    for (const [at, pair] of pairs.entries()) {
      for (const name of ['any', 'all'] as const) {
        const theirs = published.retryPolicies[name](...(pair as never[])) as RetryPolicy;
        expect(normal(await retryPolicies[name](...pair)(context({}))), `${name} ${at}`).toEqual(
          normal(await theirs(context({}))),
        );
      }
    }
  });
});

describe('an error as policies see it is the published view', () => {
  const made = (members: object, message = 'e'): Error => Object.assign(new Error(message), members);
  const headers = (more: Record<string, string>): object => ({ status: 429, headers: new Headers(more) });
  const ERRORS: Record<string, unknown> = {
    'a status': made({ status: 500 }),
    'a statusCode': made({ statusCode: 429 }),
    nothing: made({}),
    'a string': 'x',
    'a code': made({ code: 'ECONNRESET' }),
    'a vendor code': made({ status: 429, code: 'insufficient_quota' }),
    'a code in the cause': Object.assign(new TypeError('fetch failed'), { cause: made({ code: 'ECONNRESET' }) }),
    'a status in the cause': made({ cause: made({ status: 503 }) }),
    'fetch failed': new TypeError('fetch failed'),
    terminated: new TypeError('terminated'),
    'retry-after': made(headers({ 'retry-after': '2' })),
    'retry-after-ms': made(headers({ 'retry-after-ms': '150', 'retry-after': '2' })),
    'retry-after in the past': made(headers({ 'retry-after': 'Sun, 22 Nov 2020 10:00:00 GMT' })),
    'retry-after nonsense': made(headers({ 'retry-after': 'x' })),
    'headers of a response': made({ status: 429, response: { headers: new Headers({ 'retry-after': '3' }) } }),
  };

  test.each(Object.entries(ERRORS))('for an error with %s', async (_name, error) => {
    let seen: unknown;
    const policy = (at: { normalized: unknown }): boolean => {
      seen = at.normalized;
      return false;
    };
    const model = {
      getResponse: () => Promise.reject(error),
      getStreamedResponse: () => {
        throw new Error('unused');
      },
    };
    const agent = new published.Agent({
      name: 'a',
      model: model as never,
      modelSettings: { retry: { maxRetries: 1, policy: policy as never } },
    });
    await new published.Runner({ tracingDisabled: true }).run(agent, 'x').catch(() => undefined);
    expect(normalizeError(error)).toEqual(plain(seen));
  });
});

describe('model settings of a run and of an agent are merged as the published runner does', () => {
  const policy = (): boolean => true;
  const CASES: [run: object | undefined, agent: object | undefined][] = [
    [undefined, { temperature: 1 }],
    [{ temperature: 1 }, undefined],
    [
      {
        temperature: 2,
        topP: 3,
        reasoning: { summary: 'auto', effort: 'high' },
        text: { verbosity: 'high' },
        providerData: { b: 2, n: { y: 1 } },
        retry: { maxRetries: 5, policy, backoff: { maxDelayMs: 9, initialDelayMs: 3 } },
      },
      {
        temperature: 1,
        reasoning: { effort: 'low' },
        text: { verbosity: 'low' },
        providerData: { a: 1, n: { x: 1 } },
        retry: { maxRetries: 1, backoff: { initialDelayMs: 1 } },
      },
    ],
    [
      { temperature: 2, toolChoice: 'required', reasoning: { effort: 'high' }, retry: { maxRetries: 2 } },
      {
        temperature: undefined,
        toolChoice: undefined,
        reasoning: { effort: undefined },
        retry: { maxRetries: undefined },
      },
    ],
    [
      { reasoning: { effort: 'high' }, providerData: { a: 1 }, retry: { maxRetries: 2 }, text: { verbosity: 'low' } },
      { reasoning: undefined, providerData: undefined, retry: undefined, text: undefined },
    ],
    [
      { promptCacheRetention: '24h', reasoning: { effort: 'high' } },
      { promptCacheRetention: null, reasoning: { effort: null } },
    ],
    [
      { contextManagement: [{ type: 'compaction', compactThreshold: 2 }], promptCacheOptions: { ttl: '30m' } },
      { contextManagement: [{ type: 'compaction', compactThreshold: 1 }], promptCacheOptions: { mode: 'explicit' } },
    ],
  ];

  test.each(CASES)('%j under %j', async (run, agent) => {
    let seen: unknown;
    const model = {
      getResponse: (request: { modelSettings: unknown }) => {
        seen = request.modelSettings;
        return Promise.reject(new Error('enough'));
      },
    };
    const theirs = new published.Agent({ name: 'a', ...(agent && { modelSettings: agent }) });
    const runner = new published.Runner({
      tracingDisabled: true,
      model: 'gpt-4.1',
      modelProvider: { getModel: () => model } as never,
      ...(run && { modelSettings: run }),
    });
    await runner.run(theirs, 'x').catch(() => undefined);
    expect(defaults.mergeModelSettings(run, agent)).toEqual(seen);
  });

  test('the settings that go in are left as they are', () => {
    const base = Object.freeze({ reasoning: Object.freeze({ effort: 'low' as const }) });
    const over = Object.freeze({ reasoning: Object.freeze({ summary: 'auto' as const }) });
    expect(defaults.mergeModelSettings(base, over)).toEqual({ reasoning: { effort: 'low', summary: 'auto' } });
  });
});
