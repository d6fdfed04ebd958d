/** A model with settings of its own. */
import type { Model, ModelRequest, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import type { ModelSettings } from '../../protocol/model.ts';
import { mergeModelSettings } from '../settings.ts';

/** Where a model with settings has the one without, and the settings. */
const WITHIN = /* @__PURE__ */ Symbol('the model without its settings');
type Within = { readonly model: Model; readonly settings: ModelSettings };
type Layered = Model & { readonly [WITHIN]?: Within };

/** The same model, whose own settings lie over those of each request. */
export function withSettings(model: Model, settings: ModelSettings | undefined): Model {
  if (!settings) return model;
  const change = (request: ModelRequest): ModelRequest => ({
    ...request,
    modelSettings: mergeModelSettings(request.modelSettings, settings),
  });
  const { supportsPromptModelSelection, origin, ownsRetry, keepsRequests, ownSettings } = model;
  const layered: Layered = {
    [WITHIN]: { model, settings },
    ...(supportsPromptModelSelection !== undefined && { supportsPromptModelSelection }),
    ...(origin && { origin }),
    ...(ownsRetry && { ownsRetry }),
    ...(keepsRequests && { keepsRequests }),
    ...(ownSettings && { ownSettings }),
    getResponse: (request) => model.getResponse(change(request)),
    getStreamedResponse: (request) => model.getStreamedResponse(change(request)),
    getRetryAdvice: (args: ModelRetryAdviceRequest) => model.getRetryAdvice?.(args),
  };
  return layered;
}

/** The model without such settings. */
export function bare(model: Layered): Model {
  const within = model[WITHIN];
  return within ? bare(within.model) : model;
}

/** What `wrap` makes of the bare model, with the same settings over it: what is imposed within is not overruled by them. */
export function wrapBare(model: Layered, wrap: (model: Model) => Model): Model {
  const within = model[WITHIN];
  return within ? withSettings(wrapBare(within.model, wrap), within.settings) : wrap(model);
}

/** The request with the time limit that the model's own settings have, which whoever calls it must keep. */
export function withTimeLimit(model: Layered, request: ModelRequest): ModelRequest {
  const within = model[WITHIN];
  if (!within) return request;
  const { timeoutMs } = within.settings;
  const asked =
    timeoutMs === undefined ? request : { ...request, modelSettings: { ...request.modelSettings, timeoutMs } };
  return withTimeLimit(within.model, asked);
}
