import { describe, expect, test } from 'vitest';
import { draw, inspect, paste, roomOf } from './rooms.ts';

const sources = (files: Record<string, string>): Map<string, string> => new Map(Object.entries(files));
/** A legal import, so that the checker is not blind. */
const sound = { 'src/wire/sse.ts': "import type { Json } from '../protocol/json.ts';", 'src/protocol/json.ts': '' };

const violationsOf = (files: Record<string, string>): readonly string[] =>
  inspect(sources({ ...sound, ...files })).violations;

describe('the law of the floors', () => {
  test('an import that goes down is fine, and so is one inside a room', () => {
    const step = "import { a } from './state.ts';\nexport type { B } from '../protocol/json.ts';";
    expect(violationsOf({ 'src/kernel/step.ts': step })).toEqual([]);
  });

  test('an import that goes up is named with file, line and floors', () => {
    const up = "\nimport { run } from '../run/run.ts';";
    expect(violationsOf({ 'src/mcp/a.ts': up })).toEqual([
      'src/mcp/a.ts:2 imports src/run/run.ts (floor 5) from floor 3',
    ]);
  });

  test.each([
    ['a type import', "import type { T } from '../run/run.ts';"],
    ['a re-export', "export * from '../run/run.ts';"],
    ['a named re-export', "export { run } from '../run/run.ts';"],
    ['a dynamic import', "export const late = () => import('../run/run.ts');"],
    ['an import for its effect', "import '../run/run.ts';"],
    ['a type written as import()', "export type T = import('../run/run.ts').T;"],
    ['typeof import()', "export type T = typeof import('../run/run.ts');"],
  ])('%s that goes up is seen', (_, source) => {
    expect(violationsOf({ 'src/mcp/a.ts': source })).toEqual([
      'src/mcp/a.ts:1 imports src/run/run.ts (floor 5) from floor 3',
    ]);
  });

  test('rooms on one floor do not know each other', () => {
    expect(violationsOf({ 'src/tools/a.ts': "import '../session/b.ts';" })).toEqual([
      'src/tools/a.ts:1 imports src/session/b.ts: tools and session are both on floor 2 and do not know each other',
    ]);
  });

  test('two providers are two rooms', () => {
    const other = "import '../anthropic/b.ts';";
    expect(violationsOf({ 'src/providers/openai-chat/a.ts': other })[0]).toContain('both on floor 3');
    expect(violationsOf({ 'src/providers/shared.ts': '' })[0]).toContain('stands in no known room');
  });

  test('protocol imports nothing, not even from Node', () => {
    expect(violationsOf({ 'src/protocol/ids.ts': "import 'node:crypto';" })).toEqual([
      'src/protocol/ids.ts:1 imports node:crypto, but protocol imports nothing',
    ]);
  });

  test('an unknown folder is a violation, as source and as target', () => {
    const found = violationsOf({ 'src/helpers/a.ts': '', 'src/run/b.ts': "import '../helpers/a.ts';" });
    expect(found).toHaveLength(2);
    expect(found[1]).toBe('src/run/b.ts:1 imports src/helpers/a.ts, which stands in no known room');
  });

  test('neither the package by its name nor a file outside of src/ may be imported', () => {
    expect(violationsOf({ 'src/run/b.ts': "import '@baton/agents/testing';" })[0]).toContain('use a relative path');
    expect(violationsOf({ 'src/run/b.ts': "import '../../scripts/rooms.ts';" })[0]).toContain('outside of src/');
  });

  test('tests may import anything', () => {
    expect(violationsOf({ 'src/kernel/step.test.ts': "import '../testing/index.ts';" })).toEqual([]);
  });

  test('what stands in comments and strings is no import', () => {
    const text = "// import '../run/run.ts';\nexport const s = `import '../run/run.ts'`;";
    expect(violationsOf({ 'src/kernel/a.ts': text })).toEqual([]);
  });

  test('a checker that sees no import at all reports itself', () => {
    expect(inspect(sources({ 'src/kernel/a.ts': '' })).violations[0]).toContain('the checker is blind');
  });
});

describe('the diagram', () => {
  test('leaves out an arrow that follows from two others, and boxes the floors from the top', () => {
    const { rooms, edges } = inspect(
      sources({
        ...sound,
        'src/model/a.ts': "import '../wire/sse.ts';\nimport '../protocol/json.ts';",
      }),
    );
    expect(draw({ rooms, edges })).toBe(
      [
        '```mermaid',
        'flowchart TD',
        '  subgraph floor2["2"]',
        '    model["model"]',
        '  end',
        '  subgraph floor1["1"]',
        '    wire["wire"]',
        '  end',
        '  subgraph floor0["0"]',
        '    protocol["protocol"]',
        '  end',
        '  model --> wire',
        '  wire --> protocol',
        '```',
      ].join('\n'),
    );
  });

  test('goes between the markers and leaves the rest of the page alone', () => {
    const page = 'before\n<!-- rooms:begin -->\nold\n<!-- rooms:end -->\nafter';
    expect(paste(page, 'new')).toBe('before\n<!-- rooms:begin -->\n\nnew\n\n<!-- rooms:end -->\nafter');
    expect(() => paste('no markers', 'new')).toThrow('lost its markers');
  });

  test('the roof is index.ts alone', () => {
    expect(roomOf('src/index.ts')).toEqual({ name: 'index.ts', floor: 8 });
    expect(roomOf('src/other.ts')).toBeUndefined();
    expect(roomOf('src/kernel')).toBeUndefined();
  });
});
