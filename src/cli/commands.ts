/** All commands, each in a file of its own that is loaded when it is asked for. */
import type { Entry } from './command.ts';

export const COMMANDS: Readonly<Record<string, Entry>> = {
  runs: {
    summary: 'lists runs of the local trace store',
    load: async () => (await import('./runs.ts')).runs,
  },
  trace: {
    summary: 'draws the trace of a run',
    load: async () => (await import('./trace.ts')).trace,
  },
  graph: {
    summary: 'draws the agents of a module as Mermaid or DOT',
    load: async () => (await import('./graph.ts')).graph,
  },
};
