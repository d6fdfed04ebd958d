/** A world that gives answers from a list, for the corners of the kernel. */
import type { Committed, Effect, EventOf, Plan, RunEvent, World } from '../../src/kernel/index.ts';
import type { ModelItem } from '../../src/protocol/items.ts';

export const planOf = (): Plan => ({
  agent: (name) => ({ name, inputChecks: [], outputChecks: 0, toolUse: 'run_llm_again', outputRetries: 0 }),
  handles: () => false,
  unknownTool: 'raise',
  toolConcurrency: null,
  compacts: false,
  onUncertain: () => 'retry',
});

export const started = (more: Partial<EventOf<'run.started'>> = {}): RunEvent => ({
  type: 'run.started',
  runId: 'r',
  agent: 'A',
  input: 'hi',
  maxTurns: 5,
  ...more,
});

export const model = (id: string, output: ModelItem[]): RunEvent => ({
  type: 'model.replied',
  id,
  reply: { output, usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } },
});

export const ran = (id: string, text: string): RunEvent =>
  model(id, [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text }] }]);

export const handled = (id: string, final: string): RunEvent => ({ type: 'error.handled', id, final });

/** Answers come in the order of the list; what is begun is kept in `begun`. */
export function worldOf(
  answers: RunEvent[],
  inbox: RunEvent[] = [],
  notify: (event: RunEvent) => void = () => undefined,
): { world: World; log: Committed[]; begun: Effect[] } {
  const log: Committed[] = [];
  const begun: Effect[] = [];
  const left = [...answers];
  const waiting = [...inbox];
  const world: World = {
    start: (effect) => void begun.push(effect),
    async next() {
      const answer = left.shift();
      if (!answer) throw new Error('The script has no answer left.');
      return answer;
    },
    inbox: () => waiting.splice(0),
    commit: (events) => void log.push(...events),
    notify,
    caught: (error) => ({ cause: 'callback', id: 'listener', error: { name: 'Error', message: String(error) } }),
  };
  return { world, log, begun };
}
