/**
 * Makes a JSON Schema fit for strict mode, in which a provider guarantees that arguments follow the schema:
 * every object is closed, every property is required, and an optional one is nullable instead.
 *
 * What cannot be said in strict mode is refused with the path and the remedy, not sent to fail at the provider.
 *
 * Three dialects, because of what else is known about the schema:
 * `zod` and `standard` are validated after the call, so a keyword that strict mode lacks may be left out;
 * `json` is never validated, so nothing may be left out.
 */
import type { JsonObjectSchema, JsonSchema } from '../protocol/json.ts';
import { UserError } from '../protocol/errors.ts';
import { mergeAllOf } from './all-of.ts';
import { isAnnotation, isOffered, resolveRef } from './nulls.ts';
import { isRecord } from './standard.ts';

export type Dialect = 'zod' | 'standard' | 'json';
type Walk = {
  root: JsonSchema;
  subject: string;
  dialect: Dialect;
  /** A zod schema that needs rewriting anywhere is rewritten everywhere: no `default`, no lists of types. */
  rewrite: boolean;
};

const REMEDY = 'or disable strict mode';
const UNSUPPORTED = [
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
  'prefixItems',
] as const;
const MAX_DEPTH = 100;

export function toStrict(
  root: JsonSchema,
  { subject, dialect }: { subject: string; dialect: Dialect },
): JsonObjectSchema {
  if (root.type !== 'object') {
    throw new UserError(
      `${subject}: the schema describes ${root.type === undefined ? 'no single object' : `a value of type ${JSON.stringify(root.type)}`}, ` +
        'but a provider takes only an object at the root. Put it into one, for example z.object({ value: … }).',
    );
  }
  const walk: Walk = { root, subject, dialect, rewrite: dialect === 'zod' && needsRewrite(root, root) };
  return visitObject(root, [], walk) as JsonObjectSchema;
}

function refuse(walk: Walk, path: string[], problem: string): UserError {
  const at = path.length > 0 ? ` at \`${path.join('/')}\`` : '';
  return new UserError(`${walk.subject}${at}: ${problem}`);
}

function visit(schema: unknown, path: string[], walk: Walk): unknown {
  if (typeof schema === 'boolean') return schema;
  if (!isRecord(schema)) {
    throw refuse(
      walk,
      path,
      `here stands ${schema === null ? 'null' : Array.isArray(schema) ? 'a list' : `a ${typeof schema}`}, and a schema is an object, true or false. ` +
        `Put one there, ${REMEDY}.`,
    );
  }
  if (path.length > MAX_DEPTH) {
    throw refuse(
      walk,
      path.slice(0, 4),
      `The schema is nested more than ${MAX_DEPTH} levels deep, or contains itself. Use \`$ref\`.`,
    );
  }
  if (Array.isArray(schema.allOf) && walk.dialect !== 'json') {
    const merged = mergeAllOf(schema);
    if (!merged) throw unsupported('allOf', path, walk);
    return visit(merged, path, walk);
  }
  const { type } = schema;
  const isObject = type === 'object' || (Array.isArray(type) && type.includes('object'));
  if (!isObject && (schema.properties !== undefined || schema.additionalProperties !== undefined)) {
    throw refuse(
      walk,
      path,
      'it has properties and no `type: "object"`, so that strict mode does not know what it describes. ' +
        `Add that type, ${REMEDY}.`,
    );
  }
  return isObject ? visitObject(schema, path, walk) : visitKeywords(schema, path, walk);
}

function visitObject(schema: JsonSchema, path: string[], walk: Walk): JsonSchema {
  const { properties, required: _, additionalProperties, propertyNames, ...rest } = schema;
  // Without declared properties an open object is a record. At the root it is how tools without parameters are written.
  const isRecordSchema = !isRecord(properties) && additionalProperties !== false && path.length > 0;
  if (
    isRecordSchema ||
    propertyNames !== undefined ||
    (path.length === 0 && isRecord(additionalProperties) && !isRecord(properties))
  ) {
    throw refuse(
      walk,
      path,
      'strict mode has no open objects, so a record (an object with arbitrary keys) cannot be converted. ' +
        'List its properties, use an array of { key, value } objects, or set `strict: false`.',
    );
  }
  const declared = isRecord(properties) ? Object.entries(properties) : [];
  const converted = declared.map(([name, property]): [string, unknown] => {
    const plain = visit(property, [...path, 'properties', name], walk);
    return [name, isOffered(schema, name, walk.root) ? offer(property, plain, walk) : plain];
  });
  return {
    ...visitKeywords(rest, path, walk),
    properties: Object.fromEntries(converted),
    required: declared.map(([name]) => name),
    additionalProperties: false,
  };
}

/** An optional property as one that may be null. */
function offer(schema: unknown, converted: unknown, walk: Walk): unknown {
  // The model may well send the default itself.
  if (walk.dialect === 'zod' && isRecord(schema) && 'default' in schema) return converted;
  const description = isRecord(converted) ? converted.description : undefined;
  return { ...(description !== undefined && { description }), anyOf: [converted, { type: 'null' }] };
}

function visitKeywords(schema: JsonSchema, path: string[], walk: Walk): JsonSchema {
  refuseUnsupported(schema, path, walk);
  const out: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    switch (keyword) {
      case '$defs':
      case 'definitions':
        out[keyword] = visitNamed(value, [...path, keyword], walk);
        break;
      case 'items':
        out.items = Array.isArray(value)
          ? visitList(value, [...path, keyword], walk)
          : visit(value, [...path, keyword], walk);
        break;
      case 'anyOf':
      case 'oneOf':
        out.anyOf = visitList(value, [...path, keyword], walk);
        break;
      case 'default':
        // The model can send null itself; as a default it says nothing.
        if (!walk.rewrite && !(walk.dialect === 'zod' && value === null)) out.default = value;
        break;
      case 'additionalItems':
      case 'contentEncoding':
      case 'contentMediaType':
        if (walk.dialect === 'json') out[keyword] = value;
        break;
      default:
        out[keyword] = value;
    }
  }
  return walk.rewrite ? splitTypes(out) : out;
}

function visitNamed(schemas: unknown, path: string[], walk: Walk): unknown {
  if (!isRecord(schemas)) return schemas;
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, visit(schema, [...path, name], walk)]),
  );
}

function visitList(schemas: unknown, path: string[], walk: Walk): unknown {
  return Array.isArray(schemas) ? schemas.map((schema, i) => visit(schema, [...path, String(i)], walk)) : schemas;
}

/** `{ type: ['string', 'null'] }` in the form that the original uses next to optional properties. */
function splitTypes(schema: JsonSchema): JsonSchema {
  const { type, ...rest } = schema;
  if (!Array.isArray(type) || !Object.keys(rest).every(isAnnotation)) return schema;
  return { ...rest, anyOf: type.map((one: unknown) => ({ type: one })) };
}

function unsupported(keyword: string, path: string[], walk: Walk): UserError {
  return refuse(walk, path, `strict mode has no \`${keyword}\`. Take it out, ${REMEDY}.`);
}

function refuseUnsupported(schema: JsonSchema, path: string[], walk: Walk): void {
  for (const keyword of UNSUPPORTED) if (keyword in schema) throw unsupported(keyword, path, walk);
  if (schema.contentEncoding === 'binary') throw unsupported('contentEncoding', path, walk);
  if (schema.$ref !== undefined && resolveRef(walk.root, schema.$ref) === undefined) {
    throw refuse(
      walk,
      path,
      `\`$ref\` leads to \`${typeof schema.$ref === 'string' ? schema.$ref : typeof schema.$ref}\`, which is not in this schema. ` +
        `Put what it means under \`$defs\`, ${REMEDY}.`,
    );
  }
  if (walk.dialect !== 'json') return;
  for (const keyword of ['oneOf', 'allOf']) if (keyword in schema) throw unsupported(keyword, path, walk);
  const sibling = schema.anyOf !== undefined && Object.keys(schema).find((k) => k !== 'anyOf' && !isNeutral(k));
  if (sibling) {
    throw refuse(
      walk,
      path,
      `\`${sibling}\` stands beside \`anyOf\`, which strict mode does not combine. ` +
        `Write it into each branch, ${REMEDY}.`,
    );
  }
}

const isNeutral = (keyword: string): boolean =>
  isAnnotation(keyword) || ['$schema', '$defs', 'definitions'].includes(keyword);

const REWRITTEN = ['oneOf', 'allOf', 'additionalItems', 'contentEncoding', 'contentMediaType'];

/** Whether a zod schema holds something that strict mode cannot take as it is. */
function needsRewrite(node: unknown, root: JsonSchema, depth = 0): boolean {
  if (depth > MAX_DEPTH || typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.some((entry) => needsRewrite(entry, root, depth + 1));
  if (!isRecord(node)) return false;
  if (REWRITTEN.some((keyword) => keyword in node)) return true;
  const { properties } = node;
  if (isRecord(properties)) {
    for (const [name, schema] of Object.entries(properties)) {
      if (isOffered(node, name, root) && !(isRecord(schema) && 'default' in schema)) return true;
    }
  }
  const holdsSchemas = ['properties', '$defs', 'definitions', 'items', 'anyOf'];
  return holdsSchemas.some((keyword) => {
    const value = node[keyword];
    return isRecord(value) && keyword !== 'items'
      ? Object.values(value).some((schema) => needsRewrite(schema, root, depth + 1))
      : needsRewrite(value, root, depth + 1);
  });
}
