import { expect, test } from 'vitest';
import { missingFrom, platformEntry } from './lockfile.ts';

test('an optional package that is named and not listed is found, wherever it could stand', () => {
  const packages = {
    '': {},
    'node_modules/a': { dev: true, optionalDependencies: { 'a-linux-x64': '1.0.0', 'a-win32-x64': '1.0.0' } },
    'node_modules/a/node_modules/b': { optionalDependencies: { near: '1.0.0', high: '1.0.0' } },
    'node_modules/a-linux-x64': {},
    'node_modules/a/node_modules/near': {},
    'node_modules/high': {},
  };
  expect(missingFrom(packages)).toEqual([{ name: 'a-win32-x64', version: '1.0.0', dev: true }]);
});

test('the name of a build for a platform tells its entry', () => {
  const entry = (name: string) => platformEntry({ name, version: '1.2.3', dev: true });
  const common = { version: '1.2.3', dev: true, optional: true };
  expect(entry('@x/binding-win32-x64-msvc')).toEqual({ ...common, os: ['win32'], cpu: ['x64'] });
  expect(entry('@x/binding-linux-x64-musl')).toEqual({ ...common, os: ['linux'], cpu: ['x64'], libc: ['musl'] });
  expect(entry('@x/binding-linux-arm-gnueabihf')?.libc).toEqual(['glibc']);
  expect(entry('@x/darwin-arm64')).toEqual({ ...common, os: ['darwin'], cpu: ['arm64'] });
});

test('what is no build for a platform, or has no exact version, is left to a person', () => {
  expect(platformEntry({ name: 'fsevents', version: '1.2.3', dev: true })).toBeUndefined();
  expect(platformEntry({ name: '@x/darwin-arm64', version: '^1.2.3', dev: true })).toBeUndefined();
});
