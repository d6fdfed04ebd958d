/**
 * Where the stream events of a sub-agent go: to the handlers of its tool, and into the caller's stream where asked.
 */
import {
  type AgentToolInvocation,
  type AgentToolSpec,
  RunAgentToolStreamEvent,
  type RunStreamEvent,
} from '../agent/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { FunctionCallItem } from '../protocol/items.ts';
import type { LiveRun } from './live-run.ts';

const DEFAULT_PENDING = 1024;

type Where = { item: FunctionCallItem; invocation: AgentToolInvocation | undefined };

export function childSink(
  run: LiveRun,
  spec: AgentToolSpec,
  { item, invocation = { toolName: item.name } }: Where,
): ((event: RunStreamEvent) => void) | undefined {
  const forward = spec.options.forwardEvents ? run.sink : undefined;
  if (spec.handlers.length === 0 && !forward) return undefined;
  const { onStreamMaxPendingEvents: limit = DEFAULT_PENDING } = spec.options;
  let pending = 0;
  return (event) => {
    forward?.(new RunAgentToolStreamEvent(event, spec.agent, invocation));
    for (const { name, handler } of spec.handlers) {
      if (name !== '*' && name !== event.type) continue;
      // Handlers watch: what they throw changes nothing.
      try {
        const done = handler({ event, agent: spec.agent, toolCall: item });
        if (!done) continue;
        if (limit !== null && ++pending > limit) {
          throw new UserError(
            `Tool "${item.name}": more than ${limit} events wait for onStream. Make the handler faster or raise onStreamMaxPendingEvents.`,
          );
        }
        const settled = (): void => void (pending -= 1);
        done.then(settled, settled);
      } catch (error) {
        if (error instanceof UserError) throw error;
      }
    }
  };
}
