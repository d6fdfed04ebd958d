/**
 * The law of the floors: imports go down, rooms on one floor do not know each other.
 *
 * `node scripts/rooms.ts` checks src/ and draws the rooms into ARCHITECTURE.md;
 * `--check` draws nothing and fails where the drawing is stale. Test files may import anything.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { importsOf } from './lib/imports.ts';
import { at, conclude, root } from './lib/script.ts';

/** A room is a folder of src/; under providers/ it is each subfolder. index.ts stands on the roof. */
const FLOORS: Readonly<Record<string, number>> = {
  protocol: 0,
  kernel: 1,
  schema: 1,
  wire: 1,
  store: 1,
  model: 2,
  tools: 2,
  session: 2,
  log: 2,
  trace: 2,
  'sqlite-thread.ts': 3,
  providers: 3,
  mcp: 3,
  sandbox: 3,
  agent: 4,
  run: 5,
  durable: 6,
  testing: 6,
  cassettes: 6,
  extensions: 6,
  server: 6,
  cli: 7,
  'index.ts': 8,
};
const SPLIT = new Set(['providers']);
const BEGIN = '<!-- rooms:begin -->';
const END = '<!-- rooms:end -->';

export type Room = { readonly name: string; readonly floor: number };
/** An arrow between two rooms, seen at least once. */
export type Edge = { readonly from: Room; readonly to: Room };
export type Findings = {
  readonly rooms: readonly Room[];
  readonly edges: readonly Edge[];
  /** Imports between files of src/ that were looked at, those inside a room included. */
  readonly imports: number;
  readonly violations: readonly string[];
};
/** Texts of files by their path from the root, with forward slashes: `src/kernel/step.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** The room of a file, or undefined where it stands in none that is known. */
export function roomOf(path: string): Room | undefined {
  const [src, folder = '', ...rest] = path.split('/');
  const floor = Object.hasOwn(FLOORS, folder) ? FLOORS[folder] : undefined;
  if (src !== 'src' || floor === undefined) return undefined;
  const isFile = rest.length === 0;
  if (isFile !== folder.endsWith('.ts')) return undefined;
  if (!SPLIT.has(folder)) return { name: folder, floor };
  return rest.length > 1 ? { name: `${folder}/${String(rest[0])}`, floor } : undefined;
}

/** Checks the imports of all files that are not tests. */
export function inspect(sources: Sources): Findings {
  const rooms = new Map<string, Room>();
  const edges = new Map<string, Edge>();
  const violations: string[] = [];
  let imports = 0;
  for (const [path, source] of sources) {
    if (isTest(path)) continue;
    const from = roomOf(path);
    if (!from) {
      violations.push(`${path} stands in no known room: add its folder to FLOORS of scripts/rooms.ts, or move it`);
      continue;
    }
    rooms.set(from.name, from);
    for (const { specifier, line } of importsOf(path, source)) {
      const target = targetOf(path, specifier);
      if (target?.startsWith('src/')) imports += 1;
      const violation = judge({ path, line, specifier, from, target });
      if (violation) violations.push(violation);
      const to = target === undefined ? undefined : roomOf(target);
      if (to && to.name !== from.name) edges.set(`${from.name} ${to.name}`, { from, to });
    }
  }
  if (imports === 0) violations.push('No import between files of src/ was seen: the checker is blind, mend it');
  return { rooms: [...rooms.values()], edges: [...edges.values()], imports, violations };
}

type Sighting = {
  readonly path: string;
  readonly line: number;
  readonly specifier: string;
  readonly from: Room;
  readonly target: string | undefined;
};

function judge({ path, line, specifier, from, target }: Sighting): string | undefined {
  const says = `${path}:${line} imports`;
  if (specifier.startsWith('@baton/agents')) return `${says} ${specifier}: inside src/ use a relative path`;
  if (target === undefined) {
    return from.floor === 0 ? `${says} ${specifier}, but protocol imports nothing` : undefined;
  }
  if (!target.startsWith('src/')) return `${says} ${target}, which is outside of src/`;
  const to = roomOf(target);
  if (!to) return `${says} ${target}, which stands in no known room`;
  if (to.name === from.name || to.floor < from.floor) return undefined;
  if (to.floor > from.floor) return `${says} ${target} (floor ${to.floor}) from floor ${from.floor}`;
  return `${says} ${target}: ${from.name} and ${to.name} are both on floor ${to.floor} and do not know each other`;
}

/** A test, a test of types, or what only they use (`x.fixture.ts`). */
function isTest(path: string): boolean {
  return /\.(test|test-d|fixture)\.ts$/.test(path);
}

/** The file that a relative specifier means; undefined for packages and `node:`. */
function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

/** A mermaid diagram: one box a floor, arrows that follow from others left out. */
export function draw({ rooms, edges }: Pick<Findings, 'rooms' | 'edges'>): string {
  const id = (room: Room): string => room.name.replaceAll(/[^a-z0-9]/g, '_');
  const floors = new Set(rooms.map((room) => room.floor));
  const lines = ['```mermaid', 'flowchart TD'];
  for (const floor of [...floors].toSorted((a, b) => b - a)) {
    lines.push(`  subgraph floor${floor}["${floor}"]`);
    const here = rooms.filter((room) => room.floor === floor).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const room of here) lines.push(`    ${id(room)}["${room.name}"]`);
    lines.push('  end');
  }
  const arrows = reduce(edges).map(({ from, to }) => `  ${id(from)} --> ${id(to)}`);
  return [...lines, ...arrows.toSorted(), '```'].join('\n');
}

/** Drops each edge that a longer way implies. Floors forbid circles between rooms, so that one answer is right. */
function reduce(edges: readonly Edge[]): readonly Edge[] {
  const next = (from: string): readonly string[] =>
    edges.filter((edge) => edge.from.name === from).map((edge) => edge.to.name);
  const reaches = (from: string, to: string): boolean => next(from).some((name) => name === to || reaches(name, to));
  return edges.filter(({ from, to }) => !next(from.name).some((name) => reaches(name, to.name)));
}

/** Puts the diagram between the markers of a page. */
export function paste(page: string, diagram: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`ARCHITECTURE.md has lost its markers ${BEGIN} and ${END}.`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${diagram}\n\n${page.slice(end)}`;
}

function main(): void {
  const paths = globSync('src/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  const sources = new Map(paths.toSorted().map((path) => [path, readFileSync(at(path), 'utf8')]));
  const findings = inspect(sources);
  const problems = [...findings.violations];
  if (problems.length === 0) {
    const page = readFileSync(at('ARCHITECTURE.md'), 'utf8');
    const fresh = paste(page, draw(findings));
    const stale = fresh !== page;
    if (stale && process.argv.includes('--check')) {
      problems.push('The diagram in ARCHITECTURE.md is stale: run "npm run rooms" and commit it');
    } else if (stale) writeFileSync(at('ARCHITECTURE.md'), fresh);
  }
  const { rooms, edges, imports } = findings;
  conclude(problems, `rooms: ${rooms.length} rooms, ${edges.length} arrows, ${imports} imports inside src/`);
}

if (import.meta.main) main();
