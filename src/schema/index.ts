export { convert, toObjectSchema } from './convert.ts';
export type { Conversion, ConvertOptions } from './convert.ts';
export { isStandardSchema, isStandardSchemaWithJSON } from './standard.ts';
export type { InferOutput, JsonSchemaInput, SchemaLike, StandardSchema, StandardSchemaWithJSON } from './standard.ts';
export { validate } from './validate.ts';
export type { Issue, Validation } from './validate.ts';
