/** Named routes to models. */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelProvider } from '../../protocol/model.ts';
import { Sharing } from '../health/index.ts';
import { LateModel } from '../late-model.ts';
import { suggestion } from '../strings/index.ts';
import { checkOptions } from './check.ts';
import { engineOf } from './engine.ts';
import { MOST_NAMES, TargetMaker, type CompiledRoute } from './targets.ts';
import type { RouterOptions } from './types.ts';

/**
 * A router: call it with a route's name for a model, or hand it to a `Runner` as its `modelProvider`. As a provider it
 * finds routes by name, and any model of its providers by `provider/model`.
 */
export type Router<Names extends string = string> = ((route: Names) => Model) &
  ModelProvider & {
    /** @throws UserError for a name that is no route and no model of a registered provider */
    checkModel(name: string): void;
  };

/**
 * Makes a router: named routes to models, with retries, fallbacks, time limits, circuit breakers and limits of its own.
 * Everything that is wrong with the configuration is an error here.
 *
 * @example
 * ```ts no-run
 * import { Agent, AnthropicProvider, balance, createRouter, OpenAIProvider, run } from '@baton/agents';
 *
 * const models = createRouter({
 *   providers: { openai: new OpenAIProvider(), anthropic: new AnthropicProvider() },
 *   models: {
 *     cheap: 'openai/gpt-5.4-mini',
 *     quality: ['anthropic/claude-opus-4-7', 'openai/gpt-5.4?effort=high'],
 *     pool: balance([{ model: 'openai/gpt-5.4', weight: 3, rpm: 500 }, 'anthropic/claude-sonnet-4-6'], 'leastLoaded'),
 *   },
 * });
 * await run(new Agent({ name: 'Writer', model: models('quality') }), 'Write.');
 * ```
 * @throws UserError that names the route, the value and what was probably meant
 */
export function createRouter<const Names extends string>(options: RouterOptions<Names>): Router<Names> {
  checkOptions(options);
  const { models, providers = {}, breaker = {}, healthBoard, capabilities = {}, clock = {}, cache } = options;
  const engine = engineOf(options);
  const wallClock = clock.wall ?? Date.now;
  const sharing = healthBoard && new Sharing(healthBoard);
  const health = { breaker, now: engine.now, wallClock, sharing };
  const maker = new TargetMaker({ providers, capabilities, health });
  const routes = new Map<string, Model>();
  const modelOf = (route: CompiledRoute): Model => {
    const late = new LateModel(async () => (await import('./route-model.ts')).routeModel(engine, route, cache));
    return {
      ownsRetry: true,
      getResponse: (request) => late.getResponse(request),
      getStreamedResponse: (request) => late.getStreamedResponse(request),
    };
  };
  for (const [name, route] of Object.entries<RouterOptions['models'][string]>(models)) {
    routes.set(name, modelOf(maker.route(name, route)));
  }
  if (routes.size === 0) throw new UserError('createRouter got no routes. Give models: { name: "provider/model" }.');

  /** A route, else a model of a provider, which is a route of its own. */
  const find = (name: string): Model => {
    const known = routes.get(name);
    if (known) return known;
    if (!name.includes('/')) throw unknownRoute(name, Object.keys(models));
    const model = modelOf(maker.route(name, name));
    if (routes.size < MOST_NAMES) routes.set(name, model);
    return model;
  };
  const first = Object.keys(models)[0] ?? '';
  return Object.assign((route: Names) => routes.get(route) ?? find(route), {
    getModel: (name?: string) => find(name === undefined || name === '' ? first : name),
    checkModel: (name: string) => void find(name),
    ownsRetry: true as const,
  });
}

function unknownRoute(name: string, names: readonly string[]): UserError {
  const near = suggestion(name, names);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return new UserError(`The router has no route "${name}".${hint} Routes: ${names.join(', ')}.`);
}
