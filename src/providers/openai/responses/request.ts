/** The body of a request to the Responses API. */
import type { InputText, InputImage, InputFile } from '../../../protocol/items.ts';
import type { ModelRequest, ModelSettings, ModelSettingsContextManagement } from '../../../protocol/model.ts';
import type { BuiltRequest } from '../call.ts';
import { compact, isObject, isString, omit, type Json } from '../json.ts';
import { userPart } from './content.ts';
import { toInput } from './input.ts';
import { toToolChoice, toTools } from './tools.ts';

const TRANSPORT = new Set(['extra_headers', 'extraHeaders', 'extra_query', 'extraQuery', 'extra_body', 'extraBody']);
const MERGED = new Set(['reasoning', 'text', 'stream']);

/** Builds the body; whatever `modelSettings.providerData` holds is laid on top of it. */
export function toResponsesRequest(model: string, request: ModelRequest, stream: boolean): BuiltRequest {
  const { modelSettings: settings, prompt } = request;
  const data = settings.providerData ?? {};
  const { tools, include } = toTools(request);
  const promptOwnsTools = prompt !== undefined && tools.length === 0 && !request.toolsExplicitlyProvided;
  const hasTools = tools.length > 0 || prompt !== undefined;
  const extraBody = data['extra_body'] ?? data['extraBody'];
  const body: Json = {
    // A stored prompt names its own model, unless the agent's was asked for.
    ...((prompt === undefined || request.overridePromptModel) && { model }),
    instructions: request.systemInstructions === '' ? undefined : request.systemInstructions,
    input: toInput(request.input),
    include,
    ...(!promptOwnsTools && { tools }),
    conversation: request.conversationId,
    // The API refuses both; a conversation knows its last response.
    previous_response_id: request.conversationId === undefined ? request.previousResponseId : undefined,
    prompt: prompt && toPrompt(prompt),
    ...settingsBody(settings),
    tool_choice: toToolChoice(settings.toolChoice, tools, prompt !== undefined),
    parallel_tool_calls: hasTools ? settings.parallelToolCalls : undefined,
    stream,
    ...textAndReasoning(request),
    ...omit(omit(data, TRANSPORT), MERGED),
    ...(isObject(extraBody) ? extraBody : {}),
  };
  const headers = data['extra_headers'] ?? data['extraHeaders'];
  const query = data['extra_query'] ?? data['extraQuery'];
  return { body: compact(body), ...(isObject(headers) && { headers }), ...(isObject(query) && { query }) };
}

function settingsBody(settings: ModelSettings): Json {
  return {
    temperature: settings.temperature,
    top_p: settings.topP,
    truncation: settings.truncation,
    max_output_tokens: settings.maxTokens,
    store: settings.store,
    prompt_cache_retention: settings.promptCacheRetention,
    prompt_cache_options: settings.promptCacheOptions,
    context_management: settings.contextManagement?.map(toStrategy),
  };
}

function toStrategy({ compactThreshold, ...strategy }: ModelSettingsContextManagement[number]): Json {
  return compactThreshold === undefined ? strategy : { ...strategy, compact_threshold: compactThreshold };
}

function textAndReasoning({ modelSettings: { reasoning, text, providerData = {} }, outputType }: ModelRequest): Json {
  const { reasoning: moreReasoning, text: moreText } = providerData;
  const format = outputType === 'text' ? undefined : { format: { ...outputType } };
  return {
    ...((reasoning || isObject(moreReasoning)) && {
      reasoning: { ...reasoning, ...(isObject(moreReasoning) ? moreReasoning : {}) },
    }),
    ...((text || format || isObject(moreText)) && {
      text: { ...text, ...(isObject(moreText) ? moreText : {}), ...format },
    }),
  };
}

type Prompt = NonNullable<ModelRequest['prompt']>;

function toPrompt({ promptId, version, variables = {} }: Prompt): Json {
  const wire: Json = {};
  for (const [name, value] of Object.entries(variables)) wire[name] = isString(value) ? value : variable(value);
  return compact({ id: promptId, version, variables: wire });
}

function variable(value: InputText | InputImage | InputFile): Json {
  return userPart(value);
}
