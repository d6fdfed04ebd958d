/**
 * What the kernel must know of agents and options, as data.
 */
import {
  type AgentPlan,
  type Doubt,
  type Effect,
  isHandled,
  type Plan,
  type Stop,
  type ToolUse,
  type UncertainPolicy,
} from '../kernel/index.ts';
import { effectOf, type FunctionTool } from '../tools/index.ts';
import type { AnyAgent } from '../agent/index.ts';
import type { AgentGraph } from './graph.ts';
import type { Settings } from './options.ts';

export type Circumstances = {
  durable: boolean;
  /** The provider keeps the conversation: what the log says, for whoever takes the run up may not say it again. */
  isHeld: boolean;
};

export class RunPlan implements Plan {
  readonly unknownTool: 'raise' | 'tell';
  readonly toolConcurrency: number | null;
  readonly compacts: boolean;
  readonly #graph: AgentGraph;
  readonly #settings: Settings;
  readonly #durable: boolean;
  readonly #isHeld: boolean;
  #known: { key: string; plan: AgentPlan } | undefined;

  constructor(graph: AgentGraph, settings: Settings, { durable, isHeld }: Circumstances) {
    this.#durable = durable;
    this.#isHeld = isHeld;
    const { session, toolNotFoundBehavior, toolExecution } = settings;
    this.#graph = graph;
    this.#settings = settings;
    this.unknownTool = toolNotFoundBehavior === 'return_error_to_model' ? 'tell' : 'raise';
    this.toolConcurrency = toolExecution?.maxFunctionToolConcurrency ?? null;
    this.compacts = session !== undefined && 'runCompaction' in session;
  }

  agent(key: string): AgentPlan {
    if (this.#known?.key === key) return this.#known.plan;
    const plan = planOf(this.#graph.agent(key), this.#settings);
    this.#known = { key, plan };
    return plan;
  }

  handles(cause: Stop['cause']): boolean {
    const { errorHandlers } = this.#settings;
    return isHandled(cause) && (errorHandlers?.[cause] ?? errorHandlers?.default) !== undefined;
  }

  onUncertain(effect: Effect, { agent, call, began }: Doubt): UncertainPolicy {
    // Repeating a request on a conversation that the provider keeps would add its input twice.
    if (effect.do === 'call_model') return this.#isHeld ? 'fail' : 'retry';
    if (!this.#durable || effect.do !== 'call_tool' || effect.refused || call?.kind !== 'function') return 'retry';
    const tool = this.#graph
      .agent(agent)
      .tools.findLast((each): each is FunctionTool => each.type === 'function' && each.name === call.tool);
    if (tool && effectOf(tool) !== 'once') return tool.onUncertain ?? 'retry';
    // Its beginning is recorded before it begins: without the record it never did.
    if (!began) return 'retry';
    return tool?.reconcile ? 'reconcile' : (tool?.onUncertain ?? 'ask');
  }
}

const NO_CHECKS: AgentPlan['inputChecks'] = [];

function planOf(agent: AnyAgent, settings: Settings): AgentPlan {
  const inputs = inputChecksOf(agent, settings);
  return {
    name: agent.name,
    inputChecks:
      inputs.length === 0 ? NO_CHECKS : inputs.map(({ runInParallel }) => ({ blocking: runInParallel === false })),
    outputChecks: outputChecksOf(agent, settings).length,
    toolUse: toolUseOf(agent),
    outputRetries: agent.outputRetries,
  };
}

/** The input guardrails of a run that starts with this agent: the runner's first. */
export function inputChecksOf(agent: AnyAgent, settings: Settings): AnyAgent['inputGuardrails'] {
  const { inputGuardrails } = settings;
  return inputGuardrails?.length ? [...inputGuardrails, ...agent.inputGuardrails] : agent.inputGuardrails;
}

/** The output guardrails of a run that ends with this agent: the runner's first. */
export function outputChecksOf(agent: AnyAgent, settings: Settings): AnyAgent['outputGuardrails'] {
  const { outputGuardrails } = settings;
  return outputGuardrails?.length ? [...outputGuardrails, ...agent.outputGuardrails] : agent.outputGuardrails;
}

function toolUseOf({ toolUseBehavior }: AnyAgent): ToolUse {
  if (typeof toolUseBehavior === 'string') return toolUseBehavior;
  return typeof toolUseBehavior === 'function' ? 'dynamic' : { stopAt: toolUseBehavior.stopAtToolNames };
}
