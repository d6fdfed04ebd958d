export { AI_SDK_RAW_MODEL_EVENT_SOURCE, fromAiSdk } from './model.ts';
export type { AiSdkLanguageModel } from './types.ts';
