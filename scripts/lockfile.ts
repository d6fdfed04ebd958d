/** The lockfile names no registry: it installs from whichever one the machine is set up for. */
import { readFileSync } from 'node:fs';
import { at, conclude } from './lib/script.ts';

const entries = Object.entries<unknown>(JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages ?? {});
const problems = entries.flatMap(([name, entry]) => {
  const resolved = typeof entry === 'object' && entry !== null && 'resolved' in entry ? entry.resolved : undefined;
  if (typeof resolved !== 'string' || !/^(https?|git)/.test(resolved)) return [];
  return [`${name} names where it came from. Run "npm install" with the .npmrc of this repository`];
});
if (/^\s*(@[^:]+:)?registry\s*=/m.test(readFileSync(at('.npmrc'), 'utf8'))) problems.push('.npmrc names a registry');
if (entries.length < 2) problems.push('package-lock.json lists no packages: the check is blind, mend it');
conclude(problems, `lockfile: ${entries.length - 1} packages, no registry named`);
