/** What a projection gets wrong, if anything: random histories for every wire, and some that are written by hand. */
import fc from 'fast-check';
import type { AgentInputItem } from '../../src/protocol/items.ts';
import type { projectHistory } from '../../src/model/index.ts';
import { bodyFor, FOREIGN, historyFor, specs, targetOf, WIRES } from '../../src/model/projection/histories.fixture.ts';
import { wireProblem } from '../../src/testing/wire-validators/index.ts';

type Project = typeof projectHistory;

const HISTORIES = fc.sample(specs, { seed: 20_261_125, numRuns: 400 });

/** The first thing that is wrong, in a few words. */
export function problemOf(project: Project): string | undefined {
  for (const wire of WIRES) {
    const target = targetOf(wire);
    for (const list of HISTORIES) {
      const history = historyFor(list, target);
      try {
        const { items } = project(history, target);
        const body = bodyFor(items, target);
        const problem = wireProblem(wire, body);
        if (problem !== undefined) return `${wire}: ${problem}`;
        if (JSON.stringify(body).includes(FOREIGN)) return `${wire}: holds what only another model can read`;
        const again = project(items, target).items;
        if (JSON.stringify(again) !== JSON.stringify(items)) return `${wire}: projected twice is something else`;
      } catch (error) {
        return `${wire}: ${String(error)}`;
      }
    }
  }
  return byHand(project);
}

const other = { provider: 'other', api: 'anthropic', model: FOREIGN };
const user: AgentInputItem = { type: 'message', role: 'user', content: 'Hi' };
const call: AgentInputItem = { type: 'function_call', callId: 'c1', name: 'f', arguments: '{}', origin: other };

function byHand(project: Project): string | undefined {
  const stray: AgentInputItem = {
    type: 'function_call_result',
    callId: 'known',
    name: 'f',
    status: 'completed',
    output: 'x',
  };
  const stateful = { ...targetOf('openai-responses'), stateful: true };
  if (project([stray], stateful).items.length !== 1) return 'a result whose call the server holds was dropped';

  const picture: AgentInputItem = {
    type: 'function_call_result',
    callId: 'c1',
    name: 'f',
    status: 'completed',
    output: [{ type: 'input_image', image: 'data:image/png;base64,AA==' }],
  };
  const shown = JSON.stringify(
    bodyFor(project([user, call, picture], targetOf('openai-chat')).items, targetOf('openai-chat')),
  );
  if (!shown.includes('image_url')) return 'a picture of a tool is not shown where results are text';

  const blank: AgentInputItem = {
    type: 'function_call_result',
    callId: 'c1',
    name: 'f',
    status: 'completed',
    output: [{ type: 'input_text', text: ' ' }],
  };
  const silent = project([user, call, blank], targetOf('anthropic')).items.at(-1);
  if (silent?.type !== 'function_call_result' || silent.output !== '(no output)') return 'a result says nothing';

  // The server knows that the two belong together, and refuses one without the other.
  const thought: AgentInputItem = { type: 'reasoning', content: [], origin: other };
  const led: AgentInputItem = {
    type: 'message',
    id: 'msg_1',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'So.' }],
  };
  const kept = project([user, thought, led, user], targetOf('openai-responses')).items;
  if (kept.some(({ id }) => id === 'msg_1')) return 'what was said after reasoning that is gone keeps its id';

  const cited: AgentInputItem = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'Said.', providerData: { citation: FOREIGN } }],
    origin: other,
  };
  const quoted = project([user, cited, user], targetOf('openai-chat')).items;
  return JSON.stringify(bodyFor(quoted, targetOf('openai-chat'))).includes(FOREIGN)
    ? 'a citation that only its origin can read was kept'
    : undefined;
}
