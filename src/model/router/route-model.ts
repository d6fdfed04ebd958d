/** A route as a model. Loaded with the first request: what is configured is checked without it. */
import type { ResponseCache } from '../response-cache/index.ts';
import type { Loadable } from '../late-model.ts';
import { answer } from './answer.ts';
import { events } from './answer-stream.ts';
import { cachedAnswer, cachedEvents } from './cached.ts';
import { RouteCall } from './call.ts';
import type { Engine } from './engine.ts';
import type { CompiledRoute } from './targets.ts';

export function routeModel(engine: Engine, route: CompiledRoute, cache: ResponseCache | undefined): Loadable {
  return {
    ownsRetry: true,
    getResponse: (request) => {
      const call = new RouteCall(engine, route, { request, stream: false });
      return cache && route.cached ? cachedAnswer(cache, call) : answer(call);
    },
    getStreamedResponse: (request) => {
      const call = new RouteCall(engine, route, { request, stream: true });
      return cache && route.cached ? cachedEvents(cache, call) : events(call);
    },
  };
}
