/** The items of a conversation and what goes to and from models, as types. */
export type * from './items.ts';
export type * from './json.ts';
export type * from './model.ts';
