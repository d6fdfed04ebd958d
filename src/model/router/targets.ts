/** Routes as a router works with them: checked, with one state of health for each endpoint, model and credential. */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelSettings, Origin } from '../../protocol/model.ts';
import { Health, type HealthOptions, type LimitOptions } from '../health/index.ts';
import { checkTimeout } from '../retry.ts';
import { mergeModelSettings } from '../settings.ts';
import { checkKeys, createModelRegistry, type ModelRegistry, type ProviderMap } from '../strings/index.ts';
import { checkCapabilities, checkStrategy } from './check.ts';
import { Hedging } from './hedging.ts';
import { knownCapabilities } from './known-models.ts';
import type {
  BalanceStrategy,
  ModelCapabilities,
  Pool,
  Route,
  RouteOptions,
  RouteTarget,
  TargetOptions,
} from './types.ts';

/** A model that can be asked. */
export type Target = {
  readonly label: string;
  /** Who it is, also in another process; `undefined` for a model that does not say who it is. */
  readonly key: string | undefined;
  readonly health: Health;
  readonly weight: number;
  readonly settings: ModelSettings | undefined;
  /** What was declared. A target that lacks what is needed is not asked. */
  readonly can: ModelCapabilities;
  /** What was declared, and what is known of the model. A target that lacks what is needed is asked last. */
  readonly known: ModelCapabilities | undefined;
  /** The model; a promise the first time, where a provider must look for it. */
  model(): Model | Promise<Model>;
  /** Who answers, as far as it is known. */
  origin(): Origin | undefined;
};

/** Targets of one rank. */
export type Step = { readonly targets: readonly Target[]; readonly strategy: BalanceStrategy };
export type Chain = readonly Step[];

export type CompiledRoute = {
  readonly name: string;
  readonly main: Chain;
  /** All targets of the main chain. */
  readonly targets: readonly Target[];
  readonly contextWindow: Chain | undefined;
  readonly contentPolicy: Chain | undefined;
  readonly refusal: Chain | undefined;
  readonly hedging: Hedging | undefined;
  /** Whether the router's cache is for it. */
  readonly cached: boolean;
};

/** Makes a pool: targets that share the work. @throws UserError for an empty one */
export function balance(pool: readonly RouteTarget[], strategy: BalanceStrategy = 'weighted'): Pool {
  if (pool.length === 0) throw new UserError('balance() got no targets. Give at least one model.');
  checkStrategy('balance()', strategy);
  return { pool, strategy };
}

/** Names may come from outside: they must not fill the memory. */
export const MOST_NAMES = 10_000;

type Making = {
  providers: ProviderMap;
  capabilities: { readonly [model: string]: ModelCapabilities };
  health: Omit<HealthOptions, 'limits' | 'key'>;
};

/** Makes targets, and remembers what they share. */
export class TargetMaker {
  readonly #making: Making;
  readonly #registry: ModelRegistry;
  readonly #health = new Map<unknown, Health>();
  /** Those that were asked for, by name. */
  readonly #models = new Map<string, Model>();
  #unnamed = 0;

  constructor(making: Making) {
    this.#making = making;
    this.#registry = createModelRegistry(making.providers);
  }

  /** @throws UserError for a model that cannot be found, or a part that is no route */
  route(name: string, route: Route): CompiledRoute {
    const options: RouteOptions = isRouteOptions(route) ? route : { targets: route };
    checkKeys(`The route "${name}"`, options, ROUTE_KEYS);
    const { targets, onContextWindow, onContentPolicy, onRefusal, hedge, cache = true } = options;
    const main = this.#chain(name, isList(targets) ? targets : [targets]);
    if (main.length === 0) throw new UserError(`The route "${name}" has no targets. Give at least one model.`);
    return {
      name,
      main,
      targets: main.flatMap((step) => step.targets),
      contextWindow: onContextWindow && this.#chain(name, onContextWindow),
      contentPolicy: onContentPolicy && this.#chain(name, onContentPolicy),
      refusal: onRefusal && this.#chain(name, onRefusal),
      hedging: hedge && new Hedging(name, hedge),
      cached: cache,
    };
  }

  #chain(route: string, parts: readonly (RouteTarget | Pool)[]): Chain {
    return parts.map((part) => {
      if (isPool(part)) checkStrategy(`a pool of the route "${route}"`, part.strategy);
      return isPool(part)
        ? { targets: part.pool.map((target) => this.target(target, route)), strategy: part.strategy }
        : { targets: [this.target(part, route)], strategy: 'weighted' };
    });
  }

  /** @throws UserError */
  target(given: RouteTarget, route: string): Target {
    const options: TargetOptions = typeof given === 'string' || isModel(given) ? { model: given } : given;
    check(route, options);
    const { model, label, credential = '', weight = 1, settings, capabilities } = options;
    const named = typeof model === 'string' ? this.#named(model) : this.#object(model);
    const can = { ...this.#making.capabilities[named.name], ...capabilities };
    const origin = named.origin();
    const table = origin && knownCapabilities(origin);
    const isNamed = typeof model === 'string' || model.origin !== undefined;
    return {
      label: label ?? named.name,
      key: withCredential(isNamed ? named.key : label, credential),
      health: this.#healthOf(`${named.key}@${credential}`, options),
      weight,
      settings: named.settings || settings ? mergeModelSettings(named.settings, settings) : undefined,
      can,
      known: table && { ...table, ...can },
      model: named.model,
      origin: named.origin,
    };
  }

  #named(text: string): Named {
    const { prefix, model, settings } = this.#registry.resolve(text);
    const name = `${prefix}/${model}`;
    const known: Origin = { provider: prefix, api: prefix, model };
    const find = async (): Promise<Model> => {
      const found = refuseRouter(await this.#registry.getModel(name));
      if (this.#models.size < MOST_NAMES) this.#models.set(name, found);
      return found;
    };
    return {
      name,
      key: name,
      settings,
      model: () => this.#models.get(name) ?? find(),
      origin: () => this.#models.get(name)?.origin ?? known,
    };
  }

  #object(model: Model): Named {
    const { origin } = refuseRouter(model);
    const name = origin ? `${origin.provider}/${origin.model}` : `model ${(this.#unnamed += 1)}`;
    const key = origin ? `${name} ${origin.api} ${origin.project ?? ''}` : name;
    return { name, key, settings: undefined, model: () => model, origin: () => model.origin };
  }

  #healthOf(key: string, limits: LimitOptions): Health {
    const known = this.#health.get(key);
    if (known) return known;
    const isKept = this.#health.size < MOST_NAMES;
    const { sharing, ...making } = this.#making.health;
    const health = new Health({ ...making, ...(isKept && { sharing }), limits, key });
    if (isKept) this.#health.set(key, health);
    return health;
  }
}

/** Another account may have other models under the same name, and its own people. */
function withCredential(key: string | undefined, credential: string): string | undefined {
  return key === undefined || credential === '' ? key : `${key}@${credential}`;
}

type Named = {
  name: string;
  key: string;
  settings: ModelSettings | undefined;
  model: () => Model | Promise<Model>;
  origin: () => Origin | undefined;
};

function refuseRouter(model: Model): Model {
  if (!model.ownsRetry) return model;
  throw new UserError(
    'A target of a router is a route of a router. Two loops would multiply: list its targets instead.',
  );
}

const ROUTE_KEYS = ['targets', 'onContextWindow', 'onContentPolicy', 'onRefusal', 'hedge', 'cache'];

const TARGET_KEYS = [
  'model',
  'label',
  'credential',
  'weight',
  'settings',
  'capabilities',
  'rpm',
  'tpm',
  'maxConcurrent',
];

function check(route: string, options: TargetOptions): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || !('model' in given)) {
    const shown = typeof given === 'function' ? 'a function' : JSON.stringify(given);
    throw new UserError(`The route "${route}" has ${shown} as a target. Give a name, a Model, or { model }.`);
  }
  const where = `A target of the route "${route}"`;
  checkKeys(where, given, TARGET_KEYS);
  const { weight, rpm, tpm, maxConcurrent, settings, capabilities } = options;
  if (capabilities) checkCapabilities(where, capabilities);
  checkTimeout(settings?.timeoutMs);
  if (settings?.retry) {
    throw new UserError(`${where} has settings.retry. A router has one loop: give it its own option, retry.`);
  }
  for (const [name, value] of Object.entries({ weight, rpm, tpm, maxConcurrent })) {
    if (value === undefined || (Number.isFinite(value) && value > 0)) continue;
    throw new UserError(`A target of the route "${route}" has ${name}: ${value}. Give a number above 0.`);
  }
}

/** Users of plain JavaScript give anything. */
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isList = (value: RouteOptions['targets']): value is readonly (RouteTarget | Pool)[] => Array.isArray(value);

function isPool(value: RouteTarget | Pool): value is Pool {
  return isObject(value) && 'pool' in value;
}

function isModel(value: unknown): value is Model {
  return isObject(value) && ('getResponse' in value || 'getStreamedResponse' in value);
}

function isRouteOptions(value: Route): value is RouteOptions {
  return isObject(value) && 'targets' in value;
}
