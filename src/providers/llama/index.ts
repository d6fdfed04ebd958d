export { LocalModelError } from './errors.ts';
export type { LocalModelErrorCode } from './errors.ts';
export { downloadModel } from './download-model.ts';
export type { DownloadModelOptions } from './file.ts';
export type { LlamaLibrary } from './library.ts';
export { LlamaModel } from './llama-model.ts';
export type { LlamaModelOptions } from './llama-model.ts';
