/** What a router is made of. */
import type { Model, ModelSettings } from '../../protocol/model.ts';
import type { ModelErrorKind, WireTimeouts } from '../../wire/index.ts';
import type { BreakerOptions, Closed, HealthBoard, LimitOptions } from '../health/index.ts';
import type { Prices } from '../prices/index.ts';
import type { ResponseCache } from '../response-cache/index.ts';
import type { ProviderMap } from '../strings/index.ts';

/** What a model can do. Absent: as `knownCapabilities` has it, else taken to be so. */
export type ModelCapabilities = {
  /** Function tools and handoffs. */
  tools?: boolean;
  /** Tools that the provider runs, such as a web search. */
  hostedTools?: boolean;
  /** Output that a schema describes. */
  structuredOutput?: boolean;
  /** Images in messages. */
  vision?: boolean;
  /** Tokens of input and output together. A request that is surely longer is not sent. */
  contextWindow?: number;
};

/** A model that a route may ask, and how. */
export type TargetOptions = LimitOptions & {
  /** A name, such as `openai/gpt-5.4?effort=low`, or a model. */
  model: string | Model;
  /** What it is called in attempts and events. @default the model's name */
  label?: string;
  /** A label of the key (never the key): what shares it shares limits and health. @default '' */
  credential?: string;
  /** How much of a pool's work it gets, beside the others. @default 1 */
  weight?: number;
  /** Over those of the request. */
  settings?: ModelSettings;
  /** Over those of the router. */
  capabilities?: ModelCapabilities;
};
export type RouteTarget = string | Model | TargetOptions;

/** How a pool chooses: by weight at random, whoever has least under way, whoever was fastest of late, or by price. */
export type BalanceStrategy = 'weighted' | 'leastLoaded' | 'lowestLatency' | 'cheapest';

/** Targets of equal rank. Made by `balance`. */
export type Pool = { readonly pool: readonly RouteTarget[]; readonly strategy: BalanceStrategy };

/**
 * A second request beside one that is slow. The first good answer wins (of streams: the first content), the other one
 * is aborted. Only where a call may be repeated: never on state that a server holds, with a stored prompt, or with tools
 * that the provider runs.
 */
export type HedgeOptions = {
  /**
   * How long nothing came, in milliseconds; or a share of the first target's own times of late, which takes 20 calls
   * to know.
   * @default 'p95'
   */
  after?: number | 'p50' | 'p75' | 'p90' | 'p95' | 'p99';
  /** The most second requests, as a share of calls; ten more may be made at once. @default 0.1 */
  maxShare?: number;
};

/** Targets in the order in which they are asked, and others for certain failures. */
export type RouteOptions = {
  targets: RouteTarget | Pool | readonly (RouteTarget | Pool)[];
  /** Instead of the next targets, where the request is too long. @default the next targets */
  onContextWindow?: readonly (RouteTarget | Pool)[];
  /** Where a provider's filter refused the request or the answer. @default none: the error */
  onContentPolicy?: readonly (RouteTarget | Pool)[];
  /** Where the model itself declined. @default none: the refusal is the answer */
  onRefusal?: readonly (RouteTarget | Pool)[];
  /** Ask another target too, where one is slow. @default never */
  hedge?: HedgeOptions;
  /** Whether the router's cache is asked. @default true */
  cache?: boolean;
};
export type Route = RouteTarget | Pool | readonly (RouteTarget | Pool)[] | RouteOptions;

export type RouterRetryOptions = {
  /** Attempts at each target, the first included. @default 3 */
  maxAttempts?: number;
  /** Attempts of a call in all. @default 6 */
  maxTotalAttempts?: number;
  /** The limit of the first wait, in milliseconds: waits are anything between 0 and their limit. @default 500 */
  initialDelayMs?: number;
  /** What the limit is multiplied by each time. @default 2 */
  factor?: number;
  /** The highest limit. @default 30_000 */
  maxDelayMs?: number;
  /** A server that asks for more patience than this is left for the next target. @default 60_000 */
  maxRetryAfterMs?: number;
  /** How many retries the router makes for its requests, as a share. @default 0.1 */
  budgetRatio?: number;
  /** How many more it may make at once. @default 10 */
  budgetBurst?: number;
};

/** In milliseconds. `headersMs` and `idleMs` are those of the client where they are not given. */
export type RouterTimeouts = WireTimeouts & {
  /** Streams: until the first content. @default no limit */
  firstTokenMs?: number;
  /** A call in all, with all of its attempts and waits. `modelSettings.timeoutMs` is the same for one call. @default no limit */
  totalMs?: number;
};

/** Something that a router did. Live: none of it is in a run's log. */
export type RouterEvent =
  | { type: 'attempt.started'; route: string; target: string; attempt: number }
  | { type: 'attempt.succeeded'; route: string; target: string; attempt: number; ms: number; nanoUsd?: number }
  | {
      type: 'attempt.failed';
      route: string;
      target: string;
      attempt: number;
      ms: number;
      kind: RouterErrorKind;
      message: string;
    }
  /** Another one was asked beside it, and was faster. */
  | { type: 'attempt.lost'; route: string; target: string; attempt: number; ms: number; to: string }
  | { type: 'hedge'; route: string; from: string; to: string; afterMs: number }
  | { type: 'cache.hit'; route: string; target: string }
  /** Its store did not work; the call went on without it. */
  | { type: 'cache.failed'; route: string; because: string }
  | { type: 'retry'; route: string; target: string; delayMs: number }
  | { type: 'fallback'; route: string; from: string; to: string; because: RouterErrorKind }
  | { type: 'skipped'; route: string; target: string; because: SkipReason }
  | { type: 'stream.restarted'; route: string; from: string; to: string }
  | { type: 'target.rests'; target: string; because: Closed['why']; forMs: number }
  | { type: 'target.recovered'; target: string };

/** `refusal`: the model declined. `budget`: it was not asked, because the run's budget does not allow it. */
export type RouterErrorKind = ModelErrorKind | 'refusal' | 'budget';
/** `limit`: its rpm, tpm or concurrency is used up. Others: a capability that it lacks, or why it rests. */
export type SkipReason = 'limit' | Closed['why'] | keyof ModelCapabilities;

export type RouterOptions<Names extends string = string> = {
  /** Named routes: a model, a chain of them, a pool (`balance`), or an object with chains for certain failures. */
  models: { readonly [name in Names]: Route };
  /** Whose models the names mean: `{ openai: new OpenAIProvider() }`. @default {}: routes hold models only */
  providers?: ProviderMap;
  retry?: RouterRetryOptions;
  timeouts?: RouterTimeouts;
  breaker?: BreakerOptions;
  /** Shares which targets rest, and how much is asked of them, with other processes. @default none */
  healthBoard?: HealthBoard;
  /**
   * Errors after which another target is asked.
   * @default all but bad_request, content_policy, incomplete and cancelled
   */
  fallbackOn?: readonly ModelErrorKind[];
  /** When a stream breaks off after content was shown: the error, or a new answer that a `stream.reset` event announces. @default 'fail' */
  midStream?: 'fail' | 'restart';
  /** How long a call waits for a target whose limit is used up or that rests, in milliseconds. @default 30_000 */
  maxQueueMs?: number;
  /** How often a call that a crash cut off is begun again. @default 3 */
  maxRecoveries?: number;
  /** What attempts cost. Costs that a provider reports need none. @default none */
  prices?: Prices;
  /** By model name (`openai/gpt-5.4`). */
  capabilities?: { readonly [model: string]: ModelCapabilities };
  /** Answers that are given again to the same request. Made by `createResponseCache`. @default none */
  cache?: ResponseCache;
  /** Whether a conversation stays with the target that answered last, so that caches and signatures hold. @default true */
  sticky?: boolean;
  /** Is told what happens, as it happens. What it throws is dropped. */
  onEvent?: (event: RouterEvent) => void;
  /** Milliseconds, in [0, 1), and a wait: for tests. @default performance.now, Math.random, a timer */
  clock?: {
    now?: () => number;
    wall?: () => number;
    random?: () => number;
    sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  };
};

/** How a stream tells that what it showed is void: `event` of a `model` stream event with this source. */
export type StreamReset = { type: 'stream.reset'; from: string; to: string };
export const ROUTER_EVENT_SOURCE = 'baton-router';
