/**
 * Calls under a schema, for llama.cpp's server: what its grammar holds a model to is the answer's schema, whatever the
 * model's template knows of tools, and whatever the server's version does with `tool_choice`. So the tools go out as the
 * schema of the answer: a call of one of them, or the answer itself.
 *
 * L1: nobody but the adapter knows of it: items, events and histories are those of calls. L2: one call a reply: a small
 * model that may repeat itself does. L3: what does not fit, because a limit cut it off, is text.
 */
import type { AgentInputItem, AgentOutputItem, FunctionCallResultItem } from '../../../protocol/items.ts';
import type { JsonObjectSchema } from '../../../protocol/json.ts';
import type { ModelRequest, StreamEvent } from '../../../protocol/model.ts';
import { isObject, type Json } from '../json.ts';

type Offer = { name: string; description: string; parameters: Json };

/** The request as it is sent, and whether its answer may be a call. */
export type Held = { request: ModelRequest; calls: boolean };

/** The request with its tools as a schema; `undefined` where a tool is none of ours, or a schema refers to its parts. */
export function callsAsSchema(request: ModelRequest): Held | undefined {
  const { tools, modelSettings, outputType, input, systemInstructions } = request;
  const { toolChoice = 'auto', parallelToolCalls: _, ...settings } = modelSettings;
  const offered = offers(request).filter(({ name }) => ['auto', 'required', name].includes(toolChoice));
  if (tools.some(({ type }) => type !== 'function')) return undefined;
  // A template that knows no tools would lose what they returned.
  const history = typeof input === 'string' ? input : input.map(asText);
  const rest = { ...request, input: history, tools: [], handoffs: [], modelSettings: settings };
  if (offered.length === 0) return { request: rest, calls: false };
  const answer = outputType === 'text' ? { type: 'string' } : outputType.schema;
  const forms = offered.map(({ name, parameters }) => closed({ name: { const: name }, arguments: parameters }));
  if (toolChoice === 'auto') forms.push(closed({ answer }));
  const schema: Json = forms.length === 1 ? (forms[0] ?? {}) : { anyOf: forms };
  // References count from the root, which is another one now.
  if (JSON.stringify(schema).includes('"$ref"')) return undefined;
  const instructions = told(offered, toolChoice === 'auto');
  return {
    request: {
      ...rest,
      systemInstructions: systemInstructions ? `${systemInstructions}\n\n${instructions}` : instructions,
      // A choice between forms: the wire takes it, the type of agents' answers has none.
      outputType: { type: 'json_schema', name: 'reply', strict: true, schema: schema as JsonObjectSchema },
    },
    calls: true,
  };
}

function offers({ tools, handoffs }: ModelRequest): Offer[] {
  const called = tools.flatMap((tool) => (tool.type === 'function' ? [tool] : []));
  return [
    ...called.map(({ name, description, parameters }) => ({ name, description, parameters: parameters as Json })),
    ...handoffs.map(({ toolName, toolDescription, inputJsonSchema }) => ({
      name: toolName,
      description: toolDescription,
      parameters: inputJsonSchema as Json,
    })),
  ];
}

const closed = (properties: Json): Json => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

function told(offered: readonly Offer[], mayAnswer: boolean): string {
  const lines = offered.map(({ name, description, parameters }) => JSON.stringify({ name, description, parameters }));
  return [
    'You can call these functions:',
    ...lines,
    'To call one, write {"name": <its name>, "arguments": {<its arguments>}}.',
    ...(mayAnswer ? ['When you know enough, write {"answer": <your answer>}.'] : []),
  ].join('\n');
}

function asText(item: AgentInputItem): AgentInputItem {
  if (item.type === 'function_call') {
    const { name, arguments: given } = item;
    return {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: `{"name": ${JSON.stringify(name)}, "arguments": ${given || '{}'}}` }],
    };
  }
  if (item.type !== 'function_call_result') return item;
  return { type: 'message', role: 'user', content: `${item.name} returned: ${resultText(item)}` };
}

function resultText({ output }: FunctionCallResultItem): string {
  if (typeof output === 'string') return output;
  if (Array.isArray(output)) return output.flatMap((part) => ('text' in part ? [part.text] : [])).join('\n');
  return output.type === 'text' ? output.text : JSON.stringify(output);
}

/** The items that a reply under the schema stands for. */
export function readCalls(output: AgentOutputItem[]): AgentOutputItem[] {
  return output.map((item) => {
    if (item.type !== 'message' || item.role !== 'assistant') return item;
    const text = item.content.map((part) => (part.type === 'output_text' ? part.text : '')).join('');
    const said = parsed(text);
    if (!said) return item;
    const { name, arguments: given, answer } = said;
    if (typeof name === 'string' && given !== undefined) {
      return {
        type: 'function_call',
        callId: `call_${globalThis.crypto.randomUUID()}`,
        name,
        arguments: JSON.stringify(given),
        status: 'completed',
        ...(item.origin && { origin: item.origin }),
      };
    }
    if (answer === undefined) return item;
    const told = typeof answer === 'string' ? answer : JSON.stringify(answer);
    return { ...item, content: [{ type: 'output_text', text: told }] };
  });
}

/** A stream of such a reply: its text is shown when it is known that it is one. */
export async function* streamCalls(events: AsyncIterable<StreamEvent>): AsyncGenerator<StreamEvent> {
  for await (const event of events) {
    if (event.type === 'output_text_delta') continue;
    if (event.type !== 'response_done') {
      yield event;
      continue;
    }
    const output = readCalls(event.response.output);
    for (const item of output) {
      if (item.type !== 'message' || item.role !== 'assistant') continue;
      for (const part of item.content) {
        if (part.type === 'output_text' && part.text !== '') yield { type: 'output_text_delta', delta: part.text };
      }
    }
    yield { ...event, response: { ...event.response, output } };
  }
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Cut off: it stays what it is.
    return undefined;
  }
}
