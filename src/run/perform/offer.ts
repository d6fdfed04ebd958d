/**
 * What an agent offers to the model: tools and handoffs that are enabled now, and how they are sent.
 */
import { Agent, type AnyAgent, type Handoff, type Tool } from '../../agent/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { SerializedHandoff, SerializedTool } from '../../protocol/model.ts';
import { warn } from '../../protocol/warn.ts';
import { type FunctionTool, serializeFunctionTool } from '../../tools/index.ts';
import type { LiveRun } from '../live-run.ts';

export type Offer = { tools: readonly Tool[]; handoffs: readonly Handoff[] };

const NONE: readonly never[] = [];

/**
 * A promise only where somebody must be asked.
 *
 * @throws UserError where names clash and the policy says so, or an agent would hand over to itself.
 */
export function offerOf(run: LiveRun, agent: AnyAgent): Offer | Promise<Offer> {
  // Agents of a class of their own may find their tools in another way.
  const asks = agent.getAllTools !== Agent.prototype.getAllTools || agent.handoffs.length > 0;
  const tools = asks ? undefined : agent.fixedTools;
  return tools ? { tools, handoffs: NONE } : askedOffer(run, agent);
}

async function askedOffer(run: LiveRun, agent: AnyAgent): Promise<Offer> {
  const tools: readonly Tool[] = await agent.getAllTools(run.context);
  const handoffs = agent.handoffs.length === 0 ? NONE : await agent.getEnabledHandoffs(run.context);
  if (handoffs.some((handoff) => handoff.agent === agent)) {
    throw new UserError(
      `Agent "${agent.name}" has a handoff to itself. Take it out of handoffs: an agent that goes on needs none.`,
    );
  }
  return handoffs.length === 0 ? { tools, handoffs } : withoutCollisions(run, tools, handoffs);
}

/** A tool and a handoff of one name cannot both be offered: the handoff wins. */
function withoutCollisions(run: LiveRun, tools: readonly Tool[], handoffs: readonly Handoff[]): Offer {
  const byName = new Map(handoffs.map((handoff) => [handoff.toolName, handoff]));
  const clashing = tools.filter((tool) => tool.type === 'function' && byName.has(tool.name));
  if (clashing.length === 0 && byName.size === handoffs.length) return { tools, handoffs };
  const names = clashing.length > 0 ? clashing.map(({ name }) => name) : [...byName.keys()];
  const problem =
    `More than one tool or handoff is named ${[...new Set(names)].map((name) => `"${name}"`).join(', ')}. ` +
    'Give each its own name (toolNameOverride for handoffs).';
  if (run.settings.toolNameCollisionPolicy === 'error') throw new UserError(problem);
  warn(`${problem} Until then only one of each name is offered to the model: a handoff before a tool.`);
  return { tools: tools.filter((tool) => !clashing.includes(tool)), handoffs: [...byName.values()] };
}

const serializedTools = new WeakMap<
  FunctionTool,
  { description: string; parameters: unknown; serialized: SerializedTool }
>();

/** Tools are declared once and sent often, so their wire form is kept for as long as they live. */
export function serialize(tool: Tool): SerializedTool {
  if (tool.type !== 'function') return tool;
  const known = serializedTools.get(tool);
  const { description, parameters } = tool;
  if (known && known.description === description && known.parameters === parameters) return known.serialized;
  const serialized = serializeFunctionTool(tool);
  serializedTools.set(tool, { description, parameters, serialized });
  return serialized;
}

export const serializeHandoff = (handoff: Handoff): SerializedHandoff => ({
  toolName: handoff.toolName,
  toolDescription: handoff.toolDescription,
  inputJsonSchema: handoff.inputJsonSchema,
  strictJsonSchema: handoff.strictJsonSchema,
});
