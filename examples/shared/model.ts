/**
 * `import '../shared/model.ts'` gives an example a model: OpenAI's where OPENAI_API_KEY is set, else one of a local
 * server, else an offline one that answers what the `// model says:` and `// model calls:` comments of the example say.
 *
 * Your own program needs none of this: with OPENAI_API_KEY set, agents find their model.
 */
import { readFileSync } from 'node:fs';
import { setDefaultModel, setDefaultModelProvider } from '@baton/agents';
import { offlineProvider, scriptOf } from '../../scripts/lib/offline-model.ts';
import { type FoundModel, findModel } from './find-model.ts';

/** Makes a model the default of agents that name none. */
export function useModel({ name, provider, local }: FoundModel): void {
  setDefaultModelProvider(provider);
  setDefaultModel(name);
  // Settings that suit the default model are taken from its name, when an agent is made.
  if (local) process.env['OPENAI_DEFAULT_MODEL'] = name;
}

// The repository's checks bring a model of their own: scripts/docs-preload.ts.
if (process.env['BATON_DOCS'] !== '1') {
  const found = await findModel();
  if (found) useModel(found);
  else setDefaultModelProvider(offlineProvider(scriptOf(readFileSync(process.argv[1] ?? '', 'utf8'))));
  console.error(found ? `(${found.label})` : '(no OPENAI_API_KEY and no local model server: scripted offline replies)');
}
