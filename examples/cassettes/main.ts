/** Record a model once, test without it for ever. Run it: `npx node examples/cassettes/main.ts` */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, type Model, run, RunState, tool } from '@baton/agents';
import { cassette, CassetteMissError, cassetteOf, writeCassette } from '@baton/agents/cassettes';
import { z } from 'zod';
import { offlineProvider, scriptOf } from '../../scripts/lib/offline-model.ts';
import { findModel } from '../shared/find-model.ts';

// The model of this machine (OPENAI_API_KEY, a local server), else one that says what the comments below say.
const found = await findModel();
const provider = found?.provider ?? offlineProvider(scriptOf(readFileSync(import.meta.filename, 'utf8')));

const folder = mkdtempSync(join(tmpdir(), 'cassettes-'));
const file = join(folder, 'weather.json');

function weatherAgent(model: Model, report = 'sunny, 21 °C'): Agent {
  const getWeather = tool({
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: z.object({ city: z.string() }),
    execute: () => report,
  });
  return new Agent({ name: 'Weather', instructions: 'Answer in one sentence.', tools: [getWeather], model });
}

// 1. Record. What the model answers is written down; keys are not.
// model calls: get_weather {"city":"Oslo"}
// model says: It is sunny in Oslo, at 21 °C.
const recording = cassette({ file, mode: 'record', model: await provider.getModel(found?.name) });
const first = await run(weatherAgent(recording), 'How is the weather in Oslo?');
console.log(`Recorded: ${String(first.finalOutput)}`);

// 2. Replay. There is no model any more, and streamed or not does not matter.
const tape = cassette({ file, mode: 'replay' });
const replayed = await run(weatherAgent(tape), 'How is the weather in Oslo?', { stream: true });
await replayed.completed;
assert.equal(replayed.finalOutput, first.finalOutput);
assert.deepEqual(replayed.state.usage, first.state.usage);
await tape.assertComplete();
console.log(`Replayed: ${String(replayed.finalOutput)}`);

// 3. Something changed: the miss says what.
const changed = run(weatherAgent(cassette({ file, mode: 'replay' }), 'rain, 9 °C'), 'How is the weather in Oslo?');
const miss: unknown = await changed.catch((error: unknown) => error);
assert.ok(miss instanceof CassetteMissError);
console.log(miss.differences.map(({ path, recorded, asked }) => `${path}: ${recorded} is ${asked} now`).join('\n'));

// 4. Any stored run is a cassette too, also one that nobody recorded.
const stored = first.state.toString();
const state = await RunState.fromString(weatherAgent(recording), stored);
const exported = join(folder, 'exported.json');
await writeCassette(exported, cassetteOf(state));
const again = await run(weatherAgent(cassette({ file: exported, mode: 'replay' })), 'How is the weather in Oslo?');
assert.equal(again.finalOutput, first.finalOutput);
console.log(`Exported: ${String(again.finalOutput)}`);

rmSync(folder, { recursive: true });
