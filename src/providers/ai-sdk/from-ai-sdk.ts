/** Any model of the AI SDK (specification V3 and V4) as a model of ours: what is made at once. */
import type { HistoryWire } from '../../model/index.ts';
import { LateModel } from '../../model/late-model.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Model } from '../../protocol/model.ts';
import type { Target } from './request.ts';
import type { AiSdkLanguageModel } from './types.ts';

/** `providerData.rawModelEventSource` of parts of an AI SDK stream. */
export const AI_SDK_RAW_MODEL_EVENT_SOURCE = 'ai-sdk';

/**
 * Makes a model of the AI SDK one that agents can use. Nothing of the AI SDK is imported: the provider package that
 * you installed is all that is needed. Histories of other models are projected; calls count only once the answer came
 * to a good end; retries stay with `modelSettings.retry`.
 *
 * @param model what an AI SDK provider returns, such as `google('gemini-3-pro')`: specification V3 or V4
 * @throws UserError for anything else, an older specification included
 */
export function fromAiSdk(model: AiSdkLanguageModel): Model {
  const target = targetOf(model);
  const late = new LateModel(async () => new (await import('./model.ts')).AiSdkModel(model, target));
  return {
    origin: target.origin,
    getResponse: (request) => late.getResponse(request),
    getStreamedResponse: (request) => late.getStreamedResponse(request),
    getRetryAdvice: (args) => late.getRetryAdvice(args),
  };
}

function targetOf(model: AiSdkLanguageModel): Target {
  const given: unknown = model;
  if (typeof given !== 'object' || given === null) {
    throw new UserError(
      `fromAiSdk got ${JSON.stringify(given) ?? String(given)}. Give a model of an AI SDK provider, such as google('gemini-3-pro').`,
    );
  }
  const { specificationVersion: version, provider, modelId } = model;
  if (version !== 'v3' && version !== 'v4') {
    throw new UserError(
      `fromAiSdk got a model of the specification ${JSON.stringify(version)}. It takes V3 and V4: ` +
        'update the provider package (@ai-sdk/* 3 or newer).',
    );
  }
  const google = /google|vertex|gemini/.test(provider) && !provider.includes('anthropic');
  const wire: HistoryWire = google ? 'gemini' : 'ai-sdk';
  return { spec: version, wire, origin: Object.freeze({ provider, api: wire, model: modelId }) };
}
