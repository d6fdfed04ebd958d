/**
 * A deep copy of plain data, for tests that look at what was sent long after the run went on.
 *
 * Arrays, plain objects and binary data are copied; what is shared stays shared and what is circular stays
 * circular. Everything else (functions, signals, class instances, dates, maps) has an identity that matters,
 * and is kept as it is.
 */
export function snapshot<T>(value: T): T {
  return copy(value, new Map());
}

function copy<T>(value: T, seen: Map<object, object>): T {
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  // A copy has the shape of what it was made from, which the compiler cannot see.
  if (known) return known as T;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    seen.set(value, list);
    for (const entry of value) list.push(copy(entry, seen));
    return list as T;
  }
  const binary = copyBinary(value);
  if (binary) {
    seen.set(value, binary);
    return binary as T;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const record: Record<PropertyKey, unknown> = prototype === null ? Object.create(null) : {};
  seen.set(value, record);
  for (const key of Reflect.ownKeys(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, key)) put(record, key, copy(Reflect.get(value, key), seen));
  }
  return record as T;
}

/** Assignment would call the setter of `__proto__`, which JSON may contain as a plain key. */
function put(record: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}

function copyBinary(value: object): object | undefined {
  // `slice` of a Node Buffer is a view, so a Buffer is copied by its own factory.
  if (typeof Buffer !== 'undefined' && Buffer.isBuffer(value)) return Buffer.from(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return structuredClone(value);
  return undefined;
}
