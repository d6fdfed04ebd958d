export { checkKeys, splitPrefix, splitSettings, suggestion } from './parse.ts';
export { createModelRegistry, unregistered } from './registry.ts';
export type { ModelRegistry, ModelRegistryOptions, ProviderMap } from './registry.ts';
export { bare, withSettings, wrapBare } from './with-settings.ts';
