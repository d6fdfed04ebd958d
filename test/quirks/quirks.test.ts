/**
 * A defect planted for each quirk in which the vendors' wires differ, and every one of them noticed: in our sources one
 * place is changed, and random histories against the validators of the wires, or a scene, must tell.
 */
import { describe, expect, test } from 'vitest';
import type * as Baton from '../../src/index.ts';
import type { projectHistory } from '../../src/model/index.ts';
import { SCENES } from './adapters.ts';
import { load, type Change } from './mutate.ts';
import { problemOf } from './projections.ts';

const PROJECTION = 'src/model/projection/project-history.ts';
type Mutant = readonly [quirk: string, file: string, from: string, to: string];

const PROJECTIONS: readonly Mutant[] = [
  ['1 call ids', 'names.ts', 'if (fits(id, this.#rule) && !this.#taken.has(id)) {', 'if (!this.#taken.has(id)) {'],
  ['1 call ids of results', 'calls.ts', 'result.callId === callId ? result :', 'result.callId !== callId ? result :'],
  ['1 call ids that repeat', 'names.ts', '&& !this.#taken.has(id)) {', ') {'],
  [
    '2 the place of results',
    'arrange.ts',
    'settled.context.native ? inPlace(settled) : grouped(settled)',
    'inPlace(settled)',
  ],
  ['2 results before their calls', 'arrange.ts', 'found ? found.callAt < at :', 'found ? true :'],
  [
    '3 calls without a result',
    'arrange.ts',
    'const made = isCall(item) ? madeUpResult(item) : undefined;',
    'const made = undefined;',
  ],
  [
    '3 results without a call',
    'arrange.ts',
    "its call was left out.');\n  return false;",
    "its call was left out.');\n  return true;",
  ],
  [
    '4 reasoning of others',
    'foreign.ts',
    "return owner === 'own' ? item : foreignReasoning(item, place);",
    'return item;',
  ],
  [
    '4 reasoning that leads to nothing',
    'openai.ts',
    "if (entry.item.type === 'reasoning' && !follower) {",
    'if (false) {',
  ],
  ['4 ids of what was said after it', 'openai.ts', '&& !orphaned;', ';'],
  ['4 what others keep on items', 'foreign.ts', 'return foreign ? scrub(item) : item;', 'return item;'],
  ['5 signatures of Gemini', 'gemini.ts', "if (target.wire !== 'gemini') return", 'if (true) return'],
  ['7 what the server holds', 'arrange.ts', 'if (target.stateful) return true;', ''],
  ['8 late system text', 'content.ts', 'if (first || context.can.lateSystem) return item;', 'return item;'],
  ['9 the first word', 'arrange.ts', 'if (first && isModelSide(first.item)) {', 'if (false) {'],
  [
    '14 names of tools',
    'names.ts',
    "const clean = name === '' ? 'unknown_tool' : name.replace(/[^A-Za-z0-9_-]/g, '_');",
    'const clean = name;',
  ],
  ['14 long names of tools', 'names.ts', 'return safe.length <= max ? safe :', 'return true ? safe :'],
  ['15 pictures in results', 'arrange.ts', 'if (can.toolResultMedia) return results;', 'return results;'],
  [
    '16 empty parts',
    'content.ts',
    "case 'output_text':\n      return isBlank(part.text) ? undefined : part;",
    "case 'output_text':\n      return part;",
  ],
  ['16 empty results', 'content.ts', 'if (fitted.length === 0) return { ...item, output: NO_OUTPUT };', ''],
  ['17 the last word', 'arrange.ts', 'if (last && isModelSide(last.item)) {', 'if (false) {'],
  [
    '22 arguments that are no object',
    'calls.ts',
    "  context.warn('arguments_wrapped'",
    "  return text;\n  context.warn('arguments_wrapped'",
  ],
  [
    '26 tools on other servers',
    'foreign.ts',
    'return keepsHosted(place) ? item : hostedSummary(item, place);',
    'return item;',
  ],
  ['26 tools on other machines', 'foreign.ts', 'if (context.native && !foreign) return item;', 'return item;'],
  [
    '27 citations',
    'scrub.ts',
    'if (!parts.some((part) => part.providerData !== undefined)) return parts;',
    'return parts;',
  ],
];

const ADAPTERS: readonly (readonly [...Mutant, keyof typeof SCENES])[] = [
  [
    '6 thinking after a switch',
    'anthropic/thinking.ts',
    'if (loopWithoutThoughts(messages)) {',
    'if (false) {',
    'thoughtsAfterSwitch',
  ],
  ['10 strict schemas', 'anthropic/schema.ts', "if (types.includes('object'))", 'if (false)', 'closedSchemas'],
  ['11 forms of answers', 'anthropic/request.ts', 'if (can.structured && outputType.strict)', 'if (true)', 'formats'],
  ['12 one call at a time', 'anthropic/tools.ts', '{ disable_parallel_tool_use: true }', '{}', 'oneCallAtATime'],
  ['13 forced tools', 'anthropic/tools.ts', 'if (thinks) {', 'if (false) {', 'forcedTools'],
  [
    '18 why it stopped',
    'anthropic/output.ts',
    "new Set(['max_tokens', 'model_context_window_exceeded'])",
    'new Set()',
    'cutCalls',
  ],
  [
    '19 refusals',
    'anthropic/output.ts',
    "if (stopReason === 'refusal') return [refusal(blocks, origin)];",
    '',
    'refusals',
  ],
  [
    '20 usage',
    'anthropic/usage.ts',
    "number(wire['input_tokens']) + read +",
    "number(wire['input_tokens']) +",
    'usage',
  ],
  ['21 errors in streams', 'chat/model.ts', "if (chunk['error']) throw", 'if (false) throw', 'errorsInStreams'],
  ['22 no arguments', 'chat/output.ts', "value.trim() === '' ? '{}' : value", 'value', 'emptyArguments'],
  ['23 sampling', 'anthropic/request.ts', 'if (!can.sampling || thinks) {', 'if (false) {', 'sampling'],
  [
    '24 the limit of tokens',
    'anthropic/request.ts',
    'settings.maxTokens ?? can.defaultMaxTokens',
    'settings.maxTokens',
    'tokenLimit',
  ],
  ['25 marks for the cache', 'anthropic/cache.ts', 'if (surplus > 0)', 'if (false)', 'cacheMarks'],
];

const projectionOf = async (change?: Change): Promise<typeof projectHistory> =>
  ((await load(PROJECTION, change)) as { projectHistory: typeof projectHistory }).projectHistory;
const sdkOf = async (change?: Change): Promise<typeof Baton> => (await load('src/index.ts', change)) as typeof Baton;

describe('the projection', () => {
  test('makes no mistake', async () => {
    expect(problemOf(await projectionOf())).toBeUndefined();
  });

  test.each(PROJECTIONS)('without its care for %s it is noticed', async (_quirk, file, from, to) => {
    expect(problemOf(await projectionOf({ file: `src/model/projection/${file}`, from, to }))).toBeDefined();
  });
});

describe('the adapters', () => {
  test('make no mistake', async () => {
    const sdk = await sdkOf();
    for (const [name, scene] of Object.entries(SCENES)) expect(await scene(sdk), name).toBeUndefined();
  });

  test.each(ADAPTERS)('without their care for %s it is noticed', async (_quirk, file, from, to, scene) => {
    expect(
      await SCENES[scene](
        await sdkOf({ file: `src/providers/${file.startsWith('chat') ? 'openai/' : ''}${file}`, from, to }),
      ),
    ).toBeDefined();
  });

  test('each of the 27 quirks has a defect', () => {
    const quirks = new Set([...PROJECTIONS, ...ADAPTERS].map(([quirk]) => Number(quirk.split(' ')[0])));
    expect(Array.from({ length: 27 }, (_, at) => at + 1).filter((quirk) => !quirks.has(quirk))).toEqual([]);
  });
});
