/**
 * A final tool, for models that cannot combine tools and a schema for their answer: where both are asked for, the schema
 * goes out as the parameters of one more tool, and its call comes back as the message that it stands for.
 *
 * F1: nobody but the adapter knows of it: no call of it is among the items of an answer, so there is no tool event, and
 * no later request has it in its history. F2: real calls beside it are made first; then the message is a draft like any
 * text beside calls.
 */
import type { AgentOutputItem } from '../protocol/items.ts';
import type { ModelRequest, SerializedFunctionTool } from '../protocol/model.ts';

const NAME = 'final_answer';
const DESCRIPTION = 'Gives the final answer. Call it when nothing is left to be done with the other tools.';

/** The request to send, and the final tool's name where there is one. */
export type Finalized = { request: ModelRequest; finalTool?: string };

/**
 * The request as it is where it has not both tools and a schema, or where no tool may be called.
 *
 * @param mustCall whether the model can be told that it must call one of the tools
 */
export function withFinalTool(request: ModelRequest, mustCall = true): Finalized {
  const { outputType, tools, handoffs, modelSettings } = request;
  const { toolChoice = 'auto' } = modelSettings;
  if (outputType === 'text' || tools.length + handoffs.length === 0 || toolChoice === 'none') return { request };
  // A tool was demanded: the answer cannot be the final one.
  if (toolChoice !== 'auto') return { request: { ...request, outputType: 'text' } };
  const finalTool = freeName(request);
  const tool: SerializedFunctionTool = {
    type: 'function',
    name: finalTool,
    description: DESCRIPTION,
    parameters: outputType.schema,
    strict: outputType.strict,
  };
  return {
    request: {
      ...request,
      outputType: 'text',
      tools: [...tools, tool],
      modelSettings: { ...modelSettings, toolChoice: mustCall ? 'required' : 'auto' },
    },
    finalTool,
  };
}

function freeName({ tools, handoffs }: ModelRequest): string {
  const taken = new Set([...tools.map(({ name }) => name), ...handoffs.map(({ toolName }) => toolName)]);
  let name = NAME;
  for (let n = 2; taken.has(name); n++) name = `${NAME}_${n}`;
  return name;
}

/** The items with a message in place of the final tool's call. Of several such calls the first one counts. */
export function asMessage(output: AgentOutputItem[], finalTool: string | undefined): AgentOutputItem[] {
  if (finalTool === undefined) return output;
  const isFinal = (item: AgentOutputItem): boolean => item.type === 'function_call' && item.name === finalTool;
  const final = output.find(isFinal);
  if (final?.type !== 'function_call') return output;
  const rest = output.filter((item) => !isFinal(item));
  const { id, origin, arguments: text } = final;
  const message: AgentOutputItem = {
    ...(id !== undefined && { id }),
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text }],
    ...(origin && { origin }),
  };
  const firstCall = rest.findIndex(({ type }) => type === 'function_call');
  return rest.toSpliced(firstCall < 0 ? rest.length : firstCall, 0, message);
}
