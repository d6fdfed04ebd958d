/**
 * What the kernel must know of agents and options, as data.
 */
import type { AgentPlan, Effect, Plan, ToolUse } from '../kernel/index.ts';
import { isHandled } from '../kernel/index.ts';
import type { AnyAgent } from '../agent/index.ts';
import type { AgentGraph } from './graph.ts';
import type { Settings } from './options.ts';

export function makePlan(graph: AgentGraph, settings: Settings): Plan {
  let known: { key: string; plan: AgentPlan } | undefined;
  const { errorHandlers, session } = settings;
  return {
    agent(key) {
      if (known?.key === key) return known.plan;
      const plan = planOf(graph.agent(key), settings);
      known = { key, plan };
      return plan;
    },
    handles: (cause) => isHandled(cause) && (errorHandlers?.[cause] ?? errorHandlers?.default) !== undefined,
    unknownTool: settings.toolNotFoundBehavior === 'return_error_to_model' ? 'tell' : 'raise',
    toolConcurrency: settings.toolExecution?.maxFunctionToolConcurrency ?? null,
    compacts: session !== undefined && 'runCompaction' in session,
    onUncertain: (effect: Effect) =>
      // Repeating a request on a conversation that the provider keeps would add its input twice.
      effect.do === 'call_model' && settings.conversationId !== undefined ? 'fail' : 'retry',
  };
}

const NO_CHECKS: AgentPlan['inputChecks'] = [];

function planOf(agent: AnyAgent, settings: Settings): AgentPlan {
  const inputs = checksOf(agent, settings);
  return {
    name: agent.name,
    inputChecks: inputs.length === 0 ? NO_CHECKS : inputs.map(({ runInParallel }) => ({ blocking: runInParallel === false })),
    outputChecks: (settings.outputGuardrails?.length ?? 0) + agent.outputGuardrails.length,
    toolUse: toolUseOf(agent),
    outputRetries: agent.outputRetries,
  };
}

/** The input guardrails of a run that starts with this agent: the runner's first. */
export function checksOf(agent: AnyAgent, settings: Settings): AnyAgent['inputGuardrails'] {
  const { inputGuardrails } = settings;
  return inputGuardrails?.length ? [...inputGuardrails, ...agent.inputGuardrails] : agent.inputGuardrails;
}

function toolUseOf({ toolUseBehavior }: AnyAgent): ToolUse {
  if (typeof toolUseBehavior === 'string') return toolUseBehavior;
  return typeof toolUseBehavior === 'function' ? 'dynamic' : { stopAt: toolUseBehavior.stopAtToolNames };
}
