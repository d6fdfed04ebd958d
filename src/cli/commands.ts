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
  metrics: {
    summary: 'shows the five metrics of the runs that ended',
    load: async () => (await import('./metrics.ts')).metrics,
  },
  alerts: {
    summary: 'writes the rules of alerts for Prometheus',
    load: async () => (await import('./alerts.ts')).alerts,
  },
  graph: {
    summary: 'draws the agents of a module as Mermaid or DOT',
    load: async () => (await import('./graph.ts')).graph,
  },
  resume: {
    summary: 'goes on with a durable run that failed or was lost',
    load: async () => (await import('./resume.ts')).resume,
  },
  worker: {
    summary: 'goes on with durable runs whose process has gone',
    load: async () => (await import('./worker.ts')).worker,
  },
};
