/** A value that survives `JSON.parse(JSON.stringify(value))`. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema object. Its keywords are not typed: dialects differ. */
export type JsonSchema = { [keyword: string]: unknown };

/** The schema of an object, as tools and structured outputs need it. */
export type JsonObjectSchema<Properties extends Record<string, JsonSchema> = Record<string, JsonSchema>> = {
  type: 'object';
  properties: Properties;
  required: (keyof Properties)[];
  additionalProperties: boolean;
  description?: string;
  [keyword: string]: unknown;
};

/** A structured output given as plain JSON Schema. */
export type JsonSchemaDefinition = {
  type: 'json_schema';
  name: string;
  /** Whether the provider must enforce the schema. */
  strict: boolean;
  schema: JsonObjectSchema;
};
