/** Checks a generateContent request of the Gemini API as the vendor does. */
import { isObject, object, oneOf, Problem, text, type Json } from '../fake-server/problem.ts';
import { objects } from '../fake-server/tools.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;
const DATA = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
];

/** @throws Problem */
export function checkGeminiRequest(body: Json): void {
  const contents = objects(body['contents'], 'contents');
  if (body['systemInstruction'] !== undefined) {
    const { parts } = object(body['systemInstruction'], 'systemInstruction');
    objects(parts, 'systemInstruction.parts').forEach((part) => text(part['text'], 'systemInstruction.parts.text'));
  }
  const turns = contents.map((content, at) => {
    const role = oneOf(content['role'], `contents[${at}].role`, ['user', 'model']);
    const parts = objects(content['parts'], `contents[${at}].parts`);
    parts.forEach((part, i) => checkPart(part, `contents[${at}].parts[${i}]`));
    return { role, parts };
  });
  if (turns[0]?.role !== 'user')
    throw new Problem('contents', 'Please ensure that the conversation begins with a user turn.');
  if (turns.at(-1)?.role !== 'user')
    throw new Problem('contents', 'Please ensure that single turn requests end with a user role.');
  turns.forEach(({ parts, role }, at) => {
    const calls = parts.filter((part) => part['functionCall'] !== undefined);
    const next = turns[at + 1];
    const answers = next?.parts.filter((part) => part['functionResponse'] !== undefined) ?? [];
    if (role === 'model' && calls.length !== answers.length)
      throw new Problem(
        'contents',
        'Please ensure that the number of function response parts is equal to the number of function call parts ' +
          'of the function call turn.',
      );
    const isAnswer = parts.some((part) => part['functionResponse'] !== undefined);
    const before = turns[at - 1];
    if (isAnswer && (role !== 'user' || !before?.parts.some((part) => part['functionCall'] !== undefined)))
      throw new Problem(
        'contents',
        'Please ensure that function response turn comes immediately after a function call turn.',
      );
  });
  checkSignatures(turns);
}

function checkPart(part: Json, param: string): void {
  const given = DATA.filter((key) => part[key] !== undefined);
  if (given.length !== 1)
    throw new Problem(param, `${param}.data: required oneof field 'data' must have one initialized field`);
  if (part['text'] !== undefined) text(part['text'], `${param}.text`);
  for (const key of ['functionCall', 'functionResponse']) {
    const value = part[key];
    if (value === undefined) continue;
    const { name, args, response } = object(value, `${param}.${key}`);
    if (!NAME.test(text(name, `${param}.${key}.name`)))
      throw new Problem(param, `Invalid function name. Must start with a letter or an underscore: ${String(name)}`);
    object(key === 'functionCall' ? args : response, `${param}.${key}`);
  }
}

/** Since the user last spoke, each step's first call needs a signature. */
function checkSignatures(turns: readonly { role: string; parts: Json[] }[]): void {
  const spoken = turns.findLastIndex(
    ({ role, parts }) => role === 'user' && !parts.some((part) => part['functionResponse'] !== undefined),
  );
  for (const { role, parts } of turns.slice(spoken + 1)) {
    if (role !== 'model') continue;
    const first = parts.find((part) => isObject(part['functionCall']));
    if (first && typeof first['thoughtSignature'] !== 'string')
      throw new Problem('contents', 'Function call is missing a thought_signature in functionCall parts.');
  }
}
