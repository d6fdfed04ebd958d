/** No `any` leaks into a user's code: every exported value is walked, and each path to an `any` is an error here. */
import { expectTypeOf, test } from 'vitest';
import type * as baton from '@baton/agents';
import type * as testing from '@baton/agents/testing';

type IsAny<T> = 0 extends 1 & T ? true : false;
type Plain = string | number | bigint | boolean | symbol | null | undefined;
/** Not ours: their declarations have an `any` of their own. */
type Foreign = AbortSignal | ReadableStream | NodeJS.ReadableStream | Uint8Array | ArrayBuffer | Request | Response;
type Deep = [0, 0, 0, 0, 0];

/** The paths from `T` to an `any`, at most five steps long: members, parameters, results, elements. */
type PathsToAny<T, Path extends string = '', Steps extends unknown[] = []> =
  IsAny<T> extends true
    ? Path
    : Steps extends Deep
      ? never
      : [T] extends [Plain | Foreign]
        ? never
        : T extends Plain | Foreign
          ? never
          : T extends Promise<infer Value>
            ? PathsToAny<Value, `${Path}~`, Steps>
            : T extends ReadonlyMap<infer Key, infer Value>
              ? PathsToAny<Key | Value, `${Path}{}`, [...Steps, 0]>
              : T extends readonly (infer Element)[]
                ? PathsToAny<Element, `${Path}[]`, [...Steps, 0]>
                : | OfClass<T, Path, [...Steps, 0]>
                  | OfFunction<T, Path, [...Steps, 0]>
                  | OfMembers<T, Path, [...Steps, 0]>;

type OfClass<T, Path extends string, Steps extends unknown[]> = T extends abstract new (
  ...args: infer Args
) => infer Made
  ? PathsToAny<Args[number], `new ${Path}()`, Steps> | PathsToAny<Made, `${Path}#`, Steps>
  : never;
type OfFunction<T, Path extends string, Steps extends unknown[]> = T extends (...args: infer Args) => infer Result
  ? PathsToAny<Args[number], `${Path}()`, Steps> | PathsToAny<Result, `${Path}=>`, Steps>
  : never;
type OfMembers<T, Path extends string, Steps extends unknown[]> = {
  [K in Exclude<keyof T, FromError> & string]-?: PathsToAny<T[K], `${Path}.${K}`, Steps>;
}[Exclude<keyof T, FromError> & string];
/** What Error brings: Node types some of it with `any`. */
type FromError = 'captureStackTrace' | 'prepareStackTrace' | 'stackTraceLimit' | 'prototype' | 'cause';

test('the walk finds an any where there is one', () => {
  expectTypeOf<PathsToAny<{ a: { b: (x: any) => void } }>>().toEqualTypeOf<'.a.b()'>(); // oxlint-disable-line typescript/no-explicit-any
  expectTypeOf<PathsToAny<() => Promise<{ c: any[] }>>>().toEqualTypeOf<'=>~.c[]'>(); // oxlint-disable-line typescript/no-explicit-any
  expectTypeOf<PathsToAny<new (x: string) => { d: any }>>().toEqualTypeOf<'#.d'>(); // oxlint-disable-line typescript/no-explicit-any
  expectTypeOf<PathsToAny<{ a: { b: (x: unknown) => void } }>>().toBeNever();
});

test('nothing that the package exports is any, nor has one within five steps', () => {
  expectTypeOf<PathsToAny<typeof baton>>().toBeNever();
  expectTypeOf<PathsToAny<typeof testing>>().toBeNever();
});

test('nothing of a result or a state is any', () => {
  expectTypeOf<PathsToAny<baton.RunResult>>().toBeNever();
  expectTypeOf<PathsToAny<baton.StreamedRunResult>>().toBeNever();
  expectTypeOf<PathsToAny<baton.RunState>>().toBeNever();
});
