import { existsSync } from 'node:fs';
import type { Adapter } from '../library.ts';
import { loadAgentsApi } from './agents-api.ts';

const entry = new URL('../../dist/index.js', import.meta.url);

/** This project, as built. */
export const baton: Adapter = { label: '@baton/agents', specifier: entry.href, load: loadAgentsApi };

/** Whether there is a build to measure. */
export const isBuilt = (): boolean => existsSync(entry);
