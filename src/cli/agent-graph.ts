/**
 * A system of agents as a graph: who hands over to whom, who calls whom as a tool, and which tools each has.
 *
 * Agents are known by their members and not by their class: a module may have a copy of the package of its own.
 */
import { agentToolSpec } from '../agent/index.ts';

export type Node = { readonly id: string; readonly kind: 'agent' | 'tool' | 'guardrail'; readonly name: string };
export type Edge = { readonly from: string; readonly to: string; readonly kind: 'handoff' | 'call' | 'has' };
export type AgentGraph = { readonly nodes: readonly Node[]; readonly edges: readonly Edge[] };

/** What of an agent is drawn. */
export type AgentLike = {
  readonly name: string;
  readonly tools: readonly unknown[];
  readonly handoffs: readonly unknown[];
};

export function isAgent(value: unknown): value is AgentLike {
  const { name, tools, handoffs } = membersOf(value);
  return typeof name === 'string' && Array.isArray(tools) && Array.isArray(handoffs);
}

/** All that can be reached from these agents, each once. */
export function graphOf(roots: readonly AgentLike[]): AgentGraph {
  const nodes: Node[] = [];
  const edges: Edge[] = [];
  const ids = new Map<AgentLike, string>();
  const queue: AgentLike[] = [];
  const add = (kind: Node['kind'], name: string): string => {
    const id = `${kind[0] ?? ''}${nodes.length}`;
    nodes.push({ id, kind, name });
    return id;
  };
  const idOf = (agent: AgentLike): string => {
    const known = ids.get(agent);
    if (known !== undefined) return known;
    const id = add('agent', agent.name);
    ids.set(agent, id);
    queue.push(agent);
    return id;
  };
  for (const root of roots) idOf(root);
  for (let agent = queue.shift(); agent; agent = queue.shift()) {
    const from = idOf(agent);
    for (const target of agent.handoffs) {
      const to = isAgent(target) ? target : membersOf(target)['agent'];
      if (isAgent(to)) edges.push({ from, to: idOf(to), kind: 'handoff' });
    }
    for (const tool of agent.tools) {
      const called = typeof tool === 'object' && tool !== null ? agentToolSpec(tool)?.agent : undefined;
      if (isAgent(called)) edges.push({ from, to: idOf(called), kind: 'call' });
      else edges.push({ from, to: add('tool', nameOf(tool)), kind: 'has' });
    }
    for (const guardrail of guardrailsOf(agent))
      edges.push({ from, to: add('guardrail', nameOf(guardrail)), kind: 'has' });
  }
  return { nodes, edges };
}

/** For Markdown: https://mermaid.js.org/syntax/flowchart.html */
export function toMermaid({ nodes, edges }: AgentGraph): string {
  const label = (name: string): string =>
    `"${name.replaceAll(/[^\p{L}\p{N} _.,:()-]/gu, (found) => `#${found.codePointAt(0) ?? 63};`)}"`;
  const shapes = { agent: ['[', ']'], tool: ['(', ')'], guardrail: ['{{', '}}'] } as const;
  const arrows = { handoff: '-->', call: '-.->|as a tool|', has: '---' } as const;
  return [
    'flowchart LR',
    ...nodes.map(({ id, kind, name }) => `  ${id}${shapes[kind][0]}${label(name)}${shapes[kind][1]}`),
    ...edges.map(({ from, to, kind }) => `  ${from} ${arrows[kind]} ${to}`),
  ].join('\n');
}

/** For Graphviz: https://graphviz.org/doc/info/lang.html */
export function toDot({ nodes, edges }: AgentGraph): string {
  const quoted = (text: string): string => `"${text.replaceAll(/\s+/g, ' ').replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
  const shapes = { agent: 'box', tool: 'ellipse', guardrail: 'hexagon' } as const;
  const styles = { handoff: '', call: ' [style=dashed, label="as a tool"]', has: ' [arrowhead=none]' } as const;
  return [
    'digraph agents {',
    '  rankdir=LR;',
    ...nodes.map(({ id, kind, name }) => `  ${id} [shape=${shapes[kind]}, label=${quoted(name)}];`),
    ...edges.map(({ from, to, kind }) => `  ${from} -> ${to}${styles[kind]};`),
    '}',
  ].join('\n');
}

function nameOf(value: unknown): string {
  const { name, type } = membersOf(value);
  if (typeof name === 'string') return name;
  return typeof type === 'string' ? type : 'unnamed';
}

function guardrailsOf(agent: AgentLike): unknown[] {
  const { inputGuardrails, outputGuardrails } = membersOf(agent);
  return [inputGuardrails, outputGuardrails].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
}

/** A view of a value of which nothing is known. */
function membersOf(value: unknown): { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null ? (value as { [key: string]: unknown }) : {};
}
