/**
 * `import '../shared/model.ts'` gives an example a model: OpenAI's where OPENAI_API_KEY is set, else one of a local
 * server, else an offline one that answers what the `// model says:` and `// model calls:` comments of the example say.
 *
 * Your own program needs none of this: with OPENAI_API_KEY set, agents find their model.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type Model, type ModelRequest, setDefaultModel, setDefaultModelProvider } from '@baton/agents';
import { offlineProvider, scriptOf } from '../../scripts/lib/offline-model.ts';
import { findModel, useModel } from './find-model.ts';

/** A model that takes its time, so that what runs side by side can be told from what does not. */
function slowly(model: Model): Model {
  const think = ({ outputType, signal }: ModelRequest): Promise<void> =>
    wait(outputType === 'text' ? 20 : 40, undefined, { signal });
  return {
    async getResponse(request) {
      const response = model.getResponse(request);
      await think(request);
      return response;
    },
    async *getStreamedResponse(request) {
      const events = model.getStreamedResponse(request);
      await think(request);
      yield* events;
    },
  };
}

const found = await findModel();
if (found) useModel(found);
else {
  const provider = offlineProvider(scriptOf(readFileSync(process.argv[1] ?? '', 'utf8')));
  setDefaultModelProvider(provider);
  setDefaultModel(slowly(await provider.getModel()));
}
console.error(found ? `(${found.label})` : '(no OPENAI_API_KEY, no local model server: scripted replies)');
