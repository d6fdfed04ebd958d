export { AI_SDK_RAW_MODEL_EVENT_SOURCE, fromAiSdk } from './from-ai-sdk.ts';
export type { AiSdkLanguageModel } from './types.ts';
