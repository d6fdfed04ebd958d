/** A model with settings of its own. */
import type { Model, ModelRequest, ModelRetryAdviceRequest } from '../../protocol/model.ts';
import type { ModelSettings } from '../../protocol/model.ts';
import { mergeModelSettings } from '../settings.ts';

/** The same model, whose own settings lie over those of each request. */
export function withSettings(model: Model, settings: ModelSettings | undefined): Model {
  if (!settings) return model;
  const change = (request: ModelRequest): ModelRequest => ({
    ...request,
    modelSettings: mergeModelSettings(request.modelSettings, settings),
  });
  const { supportsPromptModelSelection, origin, ownsRetry, keepsRequests } = model;
  return {
    ...(supportsPromptModelSelection !== undefined && { supportsPromptModelSelection }),
    ...(origin && { origin }),
    ...(ownsRetry && { ownsRetry }),
    ...(keepsRequests && { keepsRequests }),
    getResponse: (request) => model.getResponse(change(request)),
    getStreamedResponse: (request) => model.getStreamedResponse(change(request)),
    getRetryAdvice: (args: ModelRetryAdviceRequest) => model.getRetryAdvice?.(args),
  };
}
