/**
 * The spans that a case leaves, as trees. `node test/differential/spans.ts <published|ours> [part of a name]` prints
 * them.
 */
import type { Case, Loaded } from './harness.ts';
import { casesOf, loadSide, quietly } from './harness.ts';
import { Kit } from './kit.ts';
import { list, nameOf } from './masks.ts';
import { numberIds, plain, type Json } from './normalise.ts';
import { scenarios } from './scenarios/index.ts';

/** A span: what it says, its error, what is under it in the order in which it began. */
export type Node = { data: Json; error: Json; ended: boolean; under: Node[] };
/** A trace that was seen, with how often its start and end were told. */
export type Tree = { name: Json; group: Json; starts: number; ends: number; under: Node[] };

type SpanLike = {
  traceId: string;
  spanId: string;
  parentId: string | null;
  spanData: object;
  error: object | null;
  endedAt: string | null;
};
type TraceLike = { traceId: string; name: string; groupId: string | null };

/** A processor that keeps everything. */
export class Collector {
  readonly #traces = new Map<string, Tree>();
  readonly #nodes = new Map<string, { span: SpanLike; node: Node }>();
  /** What should not be: a span twice, an end without a start, a parent that nobody knows. */
  readonly faults: string[] = [];

  async onTraceStart(trace: TraceLike): Promise<void> {
    this.#tree(trace).starts += 1;
  }
  async onTraceEnd(trace: TraceLike): Promise<void> {
    this.#tree(trace).ends += 1;
  }
  async onSpanStart(span: SpanLike): Promise<void> {
    if (this.#nodes.has(span.spanId)) this.faults.push(`started twice: ${JSON.stringify(span.spanData)}`);
    const node: Node = { data: null, error: null, ended: false, under: [] };
    const parent =
      span.parentId === null ? this.#tree({ traceId: span.traceId }) : this.#nodes.get(span.parentId)?.node;
    if (!parent) this.faults.push(`no parent: ${JSON.stringify(span.spanData)}`);
    parent?.under.push(node);
    this.#nodes.set(span.spanId, { span, node });
  }
  async onSpanEnd(span: SpanLike): Promise<void> {
    const known = this.#nodes.get(span.spanId);
    if (!known) return void this.faults.push(`ended only: ${JSON.stringify(span.spanData)}`);
    if (known.node.ended) this.faults.push(`ended twice: ${JSON.stringify(span.spanData)}`);
    known.node.ended = true;
  }
  async shutdown(): Promise<void> {}
  async forceFlush(): Promise<void> {}

  /** The traces in the order in which they were seen first. */
  trees(): Tree[] {
    for (const { span, node } of this.#nodes.values()) {
      node.data = plain(structuredClone(span.spanData));
      node.error = plain(span.error);
    }
    return numberIds([...this.#traces.values()] as unknown as Json) as unknown as Tree[];
  }

  #tree({ traceId, name, groupId }: Partial<TraceLike> & { traceId: string }): Tree {
    const known = this.#traces.get(traceId);
    if (known) return known;
    const tree: Tree = { name: name ?? null, group: groupId ?? null, starts: 0, ends: 0, under: [] };
    this.#traces.set(traceId, tree);
    return tree;
  }
}

/** The trees of a case. */
export const spansOf = async (one: Case, loaded: Loaded): Promise<Tree[]> => (await traced(one, loaded)).trees;

export type Traced = { trees: Tree[]; faults: string[]; requests: number };

/** Plays a case with tracing on. `requests`: how often its models were asked. */
export async function traced({ scenario, mode }: Case, { sdk, testing }: Loaded): Promise<Traced> {
  const collector = new Collector();
  sdk.setTraceProcessors([collector]);
  sdk.setTracingDisabled(false);
  const kit = new Kit(sdk, testing, mode, true);
  try {
    await quietly(async () => {
      try {
        await scenario.play(kit);
      } catch (error) {
        kit.log('scenario throws', error);
      }
    });
  } finally {
    sdk.setTraceProcessors([]);
    sdk.setTracingDisabled(true);
  }
  const log = list(kit.trace().log);
  const requests = log.filter((entry) => nameOf(entry).startsWith('model') && Array.isArray(entry)).length;
  return { trees: collector.trees(), faults: collector.faults, requests };
}

function show(node: Node, depth: number): void {
  const error = node.error === null ? '' : ` ERROR ${JSON.stringify(node.error)}`;
  console.log(`${'  '.repeat(depth)}${JSON.stringify(node.data)}${error}${node.ended ? '' : ' OPEN'}`);
  for (const one of node.under) show(one, depth + 1);
}

if (import.meta.main) {
  process.env['NODE_ENV'] = 'test';
  const [side, part = ''] = process.argv.slice(2);
  const loaded = await loadSide(side === 'ours' ? 'ours' : 'published');
  for (const one of casesOf(scenarios).filter(({ id }) => id.includes(part))) {
    console.log(`\n# ${one.id}`);
    for (const tree of await spansOf(one, loaded)) {
      console.log(` trace ${JSON.stringify([tree.name, tree.group])} starts ${tree.starts} ends ${tree.ends}`);
      for (const node of tree.under) show(node, 1);
    }
  }
}
