export { LocalModelError } from './errors.ts';
export type { LocalModelErrorCode } from './errors.ts';
export { downloadModel } from './file.ts';
export type { DownloadModelOptions } from './file.ts';
export type { LlamaLibrary } from './library.ts';
export { LlamaModel } from './model.ts';
export type { LlamaModelOptions } from './model.ts';
