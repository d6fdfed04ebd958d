/** Tools that OpenAI runs on its side. They are definitions only; the Responses API does the work. */
import type { ProviderData } from '../../protocol/items.ts';
import type { SerializedHostedTool, ToolAllowedCaller } from '../../protocol/model.ts';

/** A hosted tool, as an agent's `tools` takes it. */
export type HostedTool = SerializedHostedTool & { providerData: ProviderData };

export type WebSearchToolOptions = {
  /** @default 'web_search' */
  name?: string;
  /** Where the user is, for local results. */
  userLocation?: {
    type?: 'approximate';
    city?: string | null;
    country?: string | null;
    region?: string | null;
    timezone?: string | null;
  };
  filters?: { allowedDomains?: string[] | null };
  /** How much of the context window the search may fill. @default 'medium' */
  searchContextSize?: 'low' | 'medium' | 'high';
  /** Whether live pages may be fetched. @default the API's */
  externalWebAccess?: boolean;
  /** @default the API's */
  searchContentTypes?: ('text' | 'image')[];
  imageSettings?: { maxResults?: number; caption?: boolean };
};

/** Lets the model search the web. */
export function webSearchTool(options: WebSearchToolOptions = {}): HostedTool {
  const { name = 'web_search', filters, imageSettings } = options;
  return hosted(name, {
    type: 'web_search',
    name,
    user_location: options.userLocation,
    filters: filters?.allowedDomains ? { allowed_domains: filters.allowedDomains } : undefined,
    search_context_size: options.searchContextSize ?? 'medium',
    ...(options.externalWebAccess !== undefined && { external_web_access: options.externalWebAccess }),
    ...(options.searchContentTypes && { search_content_types: options.searchContentTypes }),
    ...(imageSettings && {
      image_settings: {
        ...(imageSettings.maxResults !== undefined && { max_results: imageSettings.maxResults }),
        ...(imageSettings.caption !== undefined && { caption: imageSettings.caption }),
      },
    }),
  });
}

export type FileSearchToolOptions = {
  /** @default 'file_search' */
  name?: string;
  maxNumResults?: number;
  /** Whether the results found are part of the reply. @default false */
  includeSearchResults?: boolean;
  /** As the API takes it. */
  rankingOptions?: object;
  /** As the API takes it: a comparison or a compound of comparisons. */
  filters?: object;
};

/** Lets the model search in vector stores, given by their ids. */
export function fileSearchTool(vectorStoreIds: string | string[], options: FileSearchToolOptions = {}): HostedTool {
  const { name = 'file_search' } = options;
  return hosted(name, {
    type: 'file_search',
    name,
    vector_store_ids: Array.isArray(vectorStoreIds) ? vectorStoreIds : [vectorStoreIds],
    max_num_results: options.maxNumResults,
    include_search_results: options.includeSearchResults,
    ranking_options: options.rankingOptions,
    filters: options.filters,
  });
}

export type CodeInterpreterToolOptions = {
  /** @default 'code_interpreter' */
  name?: string;
  /** A container's id, or how to make one. @default {type: 'auto'} */
  container?: string | object;
  /** Whether the outputs of the code are part of the reply. @default false */
  includeOutputs?: boolean;
  allowedCallers?: ToolAllowedCaller[];
};

/** Lets the model run Python in a container of OpenAI's. */
export function codeInterpreterTool(options: CodeInterpreterToolOptions = {}): HostedTool {
  const { name = 'code_interpreter' } = options;
  return hosted(name, {
    type: 'code_interpreter',
    name,
    container: options.container ?? { type: 'auto' },
    include_outputs: options.includeOutputs,
    allowed_callers: options.allowedCallers,
  });
}

export type ImageGenerationToolOptions = {
  /** @default 'image_generation' */
  name?: string;
  action?: 'generate' | 'edit' | 'auto';
  background?: 'transparent' | 'opaque' | 'auto' | (string & {});
  inputFidelity?: 'high' | 'low' | null;
  /** As the API takes it. */
  inputImageMask?: object;
  model?: string;
  moderation?: 'auto' | 'low' | (string & {});
  /** Percent. */
  outputCompression?: number;
  outputFormat?: 'png' | 'webp' | 'jpeg' | (string & {});
  /** How many unfinished images the stream shows. */
  partialImages?: number;
  quality?: 'low' | 'medium' | 'high' | 'auto' | (string & {});
  size?: '1024x1024' | '1024x1536' | '1536x1024' | 'auto' | (string & {});
};

/** Lets the model draw. */
export function imageGenerationTool(options: ImageGenerationToolOptions = {}): HostedTool {
  const { name = 'image_generation' } = options;
  return hosted(name, {
    type: 'image_generation',
    name,
    action: options.action,
    background: options.background,
    input_fidelity: options.inputFidelity,
    input_image_mask: options.inputImageMask,
    model: options.model,
    moderation: options.moderation,
    output_compression: options.outputCompression,
    output_format: options.outputFormat,
    partial_images: options.partialImages,
    quality: options.quality,
    size: options.size,
  });
}

function hosted(name: string, providerData: ProviderData): HostedTool {
  return { type: 'hosted_tool', name, providerData };
}
