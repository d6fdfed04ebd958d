/**
 * What a local model may answer: text, calls, or an object, as one grammar; and what an answer says.
 *
 * Calls are written as Hermes, Qwen and SmolLM models learned it: `<tool_call>`, an object of `name` and `arguments`,
 * `</tool_call>`, each on a line of its own.
 */
import { toolNameFor } from '../../model/projection/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { JsonSchema } from '../../protocol/json.ts';
import type { ModelRequest } from '../../protocol/model.ts';
import { jsonLiteral, literal, oneOf, Rules } from './gbnf.ts';
import { addSchema } from './schema-rules.ts';

export const CALL_BEGIN = '<tool_call>';
export const CALL_END = '</tool_call>';

/** The most calls in one reply, with `parallelToolCalls: true`; else there is one. */
const MAX_CALLS = 8;

/** A tool or a handoff under the name that the model knows it by. */
export type Offered = { name: string; sent: string; namespace?: string; description: string; parameters: JsonSchema };

export type ReplyForm = {
  /** What can be called in this turn. */
  readonly offered: readonly Offered[];
  readonly schema: JsonSchema | undefined;
  /** Absent where anything may be said. */
  readonly grammar: string | undefined;
};

/** @throws UserError for hosted tools, for two tools with one name, and for a tool choice that is none */
export function replyForm(request: ModelRequest): ReplyForm {
  const { toolChoice = 'auto', parallelToolCalls } = request.modelSettings;
  const all = offer(request);
  const chosen = all.filter(({ name, sent }) => name === toolChoice || sent === toolChoice);
  const forced = toolChoice !== 'auto' && toolChoice !== 'none';
  if (forced && (toolChoice === 'required' ? all : chosen).length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    throw new UserError(
      `modelSettings.toolChoice=${JSON.stringify(toolChoice)} is no tool. Available: ${names || 'none'}.`,
    );
  }
  const offered = toolChoice === 'none' ? [] : chosen.length > 0 ? chosen : all;
  const schema = request.outputType === 'text' ? undefined : request.outputType.schema;
  if (offered.length === 0 && !schema) return { offered, schema, grammar: undefined };
  const rules = new Rules();
  const calls = offered.length > 0 ? addCalls(rules, offered, parallelToolCalls === true) : undefined;
  const answer = schema ? addSchema(rules, schema) : undefined;
  rules.define('root', rootOf(rules, { calls, answer, forced }));
  return { offered, schema, grammar: rules.toString() };
}

type Parts = { calls: Calls | undefined; answer: string | undefined; forced: boolean };

function rootOf(rules: Rules, { calls, answer, forced }: Parts): string {
  if (!calls) return answer ?? 'value';
  if (forced) return calls.whole;
  return answer === undefined ? addText(rules, calls) : `${calls.whole} | ${answer}`;
}

function offer({ tools, handoffs }: ModelRequest): Offered[] {
  const functions = tools.map((tool): Omit<Offered, 'sent'> => {
    if (tool.type === 'hosted_tool') {
      throw new UserError(`A local model has nobody to run the hosted tool "${tool.name}". Use a function tool.`);
    }
    const { name, namespace, description, parameters } = tool;
    return { name, description, parameters, ...(namespace !== undefined && { namespace }) };
  });
  const others = handoffs.map(({ toolName: name, toolDescription: description, inputJsonSchema: parameters }) => ({
    name,
    description,
    parameters,
  }));
  const seen = new Map<string, string>();
  return [...functions, ...others].map((tool: Omit<Offered, 'sent'>): Offered => {
    const full = tool.namespace === undefined ? tool.name : `${tool.namespace}.${tool.name}`;
    const sent = toolNameFor(full, { max: 64 });
    const other = seen.get(sent);
    if (other !== undefined) {
      throw new UserError(`The tools "${other}" and "${full}" are both "${sent}" to the model. Rename one of them.`);
    }
    seen.set(sent, full);
    return { ...tool, sent };
  });
}

/** Calls, and what is left of them when their first tag has been read. */
type Calls = { readonly whole: string; readonly rest: string };

function addCalls(rules: Rules, offered: readonly Offered[], several: boolean): Calls {
  const objects = offered.map(({ sent, parameters }) => {
    const head = `${jsonLiteral({ name: sent }).slice(0, -2).replace(':', ': ')}, \\"arguments\\": "`;
    return rules.add(`${head} ${addSchema(rules, parameters)} "}"`);
  });
  const body = rules.add(`"\\n" ${oneOf(objects)} ${literal(`\n${CALL_END}`)}`);
  // Small models do not stop by themselves: greedy, one of 135 million parameters repeats its call for ever.
  const rest = several ? rules.add(`${body} (${literal(`\n${CALL_BEGIN}`)} ${body}){0,${MAX_CALLS - 1}}`) : body;
  return { whole: rules.add(`${literal(CALL_BEGIN)} ${rest}`), rest };
}

/** Any text, until a call begins: one rule for each character of the tag that was seen. After it, there are only calls. */
function addText(rules: Rules, { rest }: Calls): string {
  const states = Array.from(CALL_BEGIN, () => rules.reserve());
  const [start = '', opened = ''] = states;
  Array.from(CALL_BEGIN).forEach((next, seen) => {
    const onward = `${literal(next)} ${states[seen + 1] ?? rest}`;
    const other = seen === 0 ? [`[^<] ${start}`] : [`"<" ${opened}`, `[^<${next}] ${start}`];
    rules.define(states[seen] ?? '', [onward, ...other, '""'].join(' | '));
  });
  return start;
}
