/** Small runs whose logs are kept: each with the features that its name says. */
import {
  Agent,
  handoff,
  type JsonSchemaDefinition,
  MemorySession,
  Runner,
  stateOfError,
  tool,
} from '../../src/index.ts';
import type { Committed } from '../../src/kernel/index.ts';
import { INTERNALS } from '../../src/run/run.ts';
import { assistantMessage, functionCall, ScriptedModel, type ScriptedModelInput } from '../../src/testing/index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const say = tool({ name: 'say', description: 'Says a word.', parameters: NOTHING, execute: () => 'word' });
const ask = tool({
  name: 'ask',
  description: 'Needs a person.',
  parameters: NOTHING,
  needsApproval: true,
  execute: () => 'asked',
});
const call = (name: string, callId: string): ReturnType<typeof functionCall> => functionCall(name, {}, { callId });
const model = (...script: ScriptedModelInput[]): ScriptedModel => new ScriptedModel(script);
const trips = { name: 'trips', execute: async () => ({ tripwireTriggered: true, outputInfo: 'no' }) };

type Run = (runner: Runner) => Promise<unknown>;

export const RUNS: { readonly [name: string]: Run } = {
  'parallel tools': (runner) =>
    runner.run(
      new Agent({
        name: 'A',
        tools: [say],
        model: model([call('say', 'c1'), call('say', 'c2')], [assistantMessage('done')]),
      }),
      'hi',
    ),

  'an approval, a rejection, a sub-agent that waits': async (runner) => {
    const sub = new Agent({
      name: 'Sub',
      tools: [ask],
      model: model([call('ask', 's1')], [assistantMessage('sub done')]),
    });
    const script = model(
      [call('ask', 'c1'), call('ask', 'c2'), functionCall('sub', { input: 'go' }, { callId: 'c3' })],
      [assistantMessage('done')],
    );
    const agent = new Agent({ name: 'A', tools: [ask, sub.asTool({ toolName: 'sub' })], model: script });
    const { state } = await runner.run(agent, 'hi');
    for (const item of state.getInterruptions()) {
      if (item.callId === 'c2') state.reject(item, { message: 'no' });
      else state.approve(item);
    }
    await runner.run(agent, state);
  },

  'handoffs with and without user code': (runner) => {
    const c = new Agent({ name: 'C', model: model([assistantMessage('from C')]) });
    const b = new Agent({
      name: 'B',
      handoffs: [handoff(c, { inputFilter: (data) => ({ ...data, newItems: [] }) })],
      model: model([call('transfer_to_C', 'h2')]),
    });
    const a = new Agent({
      name: 'A',
      tools: [say],
      handoffs: [b],
      model: model([call('say', 'c1'), call('transfer_to_B', 'h1')]),
    });
    return runner.run(a, 'hi');
  },

  'a session, and input that is added': async (runner) => {
    const session = new MemorySession({ initialItems: [{ type: 'message', role: 'user', content: 'earlier' }] });
    const agent = new Agent({ name: 'A', tools: [ask], model: model([call('ask', 'c1')], [assistantMessage('done')]) });
    const { state } = await runner.run(agent, 'hi', { session });
    state.getInterruptions().forEach((item) => state.approve(item, { alwaysApprove: true }));
    state.addInput('and more');
    await runner.run(agent, state, { session });
  },

  'an output that a guardrail withholds': (runner) =>
    runner.run(
      new Agent({
        name: 'A',
        tools: [say],
        toolUseBehavior: 'stop_on_first_tool',
        outputGuardrails: [trips],
        model: model([call('say', 'c1')]),
      }),
      'hi',
    ),

  'an output in the wrong form, repaired, then too many turns, handled': (runner) => {
    const outputType: JsonSchemaDefinition = {
      type: 'json_schema',
      name: 'out',
      strict: true,
      schema: { ...NOTHING, required: [] },
    };
    const agent = new Agent({
      name: 'A',
      tools: [say],
      outputType,
      model: model([assistantMessage('not JSON')], [call('say', 'c1')]),
    });
    return runner.run(agent, 'hi', { maxTurns: 2, errorHandlers: { maxTurns: () => ({ finalOutput: {} as never }) } });
  },

  'an abort while a tool runs': (runner) => {
    const controller = new AbortController();
    const stop = tool({
      name: 'stop',
      description: '',
      parameters: NOTHING,
      execute: () => (controller.abort(new Error('enough')), 'late'),
    });
    const agent = new Agent({ name: 'A', tools: [stop], model: model([call('stop', 'c1')]) });
    return runner.run(agent, 'hi', { signal: controller.signal });
  },
};

/** The logs of a run and of its sub-agents' runs, with ids and times that are the same each time. */
export async function logsOf(run: Run): Promise<{ [runId: string]: Committed[] }> {
  const logs = new Map<string, Committed[]>();
  const committer = (runId: string, events: readonly Committed[]): void => {
    logs.set(runId, [...(logs.get(runId) ?? []), ...structuredClone(events)]);
  };
  try {
    await run(new Runner({ [INTERNALS]: { committer } } as object));
  } catch (error) {
    if (!stateOfError(error)) throw error;
  }
  const [root = ''] = logs.keys();
  const text = JSON.stringify(Object.fromEntries(logs), (key, value: unknown) =>
    key === 'at' && Number(value) > 1e9 ? 1 : value,
  );
  return JSON.parse(text.replaceAll(root, 'run_golden')) as { [runId: string]: Committed[] };
}
