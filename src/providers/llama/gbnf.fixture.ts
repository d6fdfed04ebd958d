/** Reads a grammar in GBNF and makes texts of it, as a model that knows nothing but the grammar would. */

type Node =
  | { kind: 'text'; text: string }
  | { kind: 'set'; negated: boolean; chars: string }
  | { kind: 'all'; nodes: Node[] }
  | { kind: 'one'; nodes: Node[] }
  | { kind: 'times'; node: Node; min: number; max: number }
  | { kind: 'rule'; name: string };

export type Grammar = ReadonlyMap<string, Node>;
/** A number from 0 to below `n`. */
export type Pick = (n: number) => number;

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

export function readGrammar(text: string): Grammar {
  const rules = new Map<string, Node>();
  for (const line of text.trimEnd().split('\n')) {
    const [, name = '', body = ''] = /^([a-z0-9-]+) ::= (.*)$/.exec(line) ?? [];
    if (name === '' || rules.has(name)) throw new Error(`not a rule, or twice: ${line}`);
    rules.set(name, new Reader(body).whole());
  }
  const check = (node: Node): void => {
    if (node.kind === 'rule' && !rules.has(node.name)) throw new Error(`no rule ${node.name}`);
    if (node.kind === 'times') check(node.node);
    if (node.kind === 'all' || node.kind === 'one') node.nodes.forEach(check);
  };
  rules.forEach(check);
  return rules;
}

class Reader {
  #at = 0;
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new Error(`left over: ${this.#text.slice(this.#at)}`);
    return node;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    const found = new RegExp(pattern, 'y');
    found.lastIndex = this.#at;
    const match = found.exec(this.#text) ?? undefined;
    if (match) this.#at = found.lastIndex;
    return match;
  }

  #choice(): Node {
    const nodes = [this.#sequence()];
    while (this.#take(/ *\| */)) nodes.push(this.#sequence());
    return { kind: 'one', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    for (;;) {
      this.#take(/ +(?![|)])/);
      const node = this.#single();
      if (!node) return { kind: 'all', nodes };
      nodes.push(this.#repeated(node));
    }
  }

  #single(): Node | undefined {
    const text = this.#take(/"((?:[^"\\]|\\.)*)"/);
    if (text) return { kind: 'text', text: unescape(text[1] ?? '') };
    const set = this.#take(/\[(\^?)((?:[^\]\\]|\\.)*)\]/);
    if (set) return { kind: 'set', negated: set[1] === '^', chars: spread(set[2] ?? '') };
    const rule = this.#take(/[a-z][a-z0-9-]*/);
    if (rule) return { kind: 'rule', name: rule[0] };
    if (!this.#take(/\(/)) return undefined;
    const inner = this.#choice();
    if (!this.#take(/ *\)/)) throw new Error(`no end: ${this.#text.slice(this.#at)}`);
    return inner;
  }

  #repeated(node: Node): Node {
    const mark = this.#take(/[*?]|\{(\d+)(,?)(\d*)\}/);
    if (!mark) return node;
    if (mark[0] === '*') return { kind: 'times', node, min: 0, max: Infinity };
    if (mark[0] === '?') return { kind: 'times', node, min: 0, max: 1 };
    const min = Number(mark[1]);
    const max = mark[2] === '' ? min : mark[3] === '' ? Infinity : Number(mark[3]);
    if (max < min) throw new Error(`cannot be: ${mark[0]}`);
    return { kind: 'times', node, min, max };
  }
}

const unescape = (text: string): string =>
  text.replace(/\\x([0-9A-F]{2})|\\(.)/g, (_, hex?: string, char = '') =>
    hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );

function spread(set: string): string {
  const parts = [...set.matchAll(/\\x[0-9A-F]{2}|\\.|./gs)].map(([part]) => unescape(part));
  let chars = '';
  for (let at = 0; at < parts.length; at++) {
    const [from = '', dash, to] = parts.slice(at);
    chars += from;
    if (dash !== '-' || to === undefined) continue;
    for (let code = from.charCodeAt(0) + 1; code <= to.charCodeAt(0); code++) chars += String.fromCharCode(code);
    at += 2;
  }
  return chars;
}

const ANY = ['a', 'Z', '7', ' ', '<', '>', 't', '"', '\\', '{', '}', ',', '\n', '\t', 'é', '漢', '😀', '\u007F'];

/** A text of the grammar. After `budget` choices the shortest way out is taken. */
export function sample(grammar: Grammar, pick: Pick, budget = 60): string {
  const depths = depthsOf(grammar);
  let left = budget;
  const make = (node: Node): string => {
    left -= 1;
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'set': {
        const choices = node.negated ? ANY.filter((char) => !node.chars.includes(char)) : Array.from(node.chars);
        return choices[pick(choices.length)] ?? '';
      }
      case 'all':
        return node.nodes.map(make).join('');
      case 'one': {
        const sorted = node.nodes.toSorted((a, b) => depthOf(a, depths) - depthOf(b, depths));
        const chosen = sorted[left > 0 ? pick(sorted.length) : 0];
        return chosen ? make(chosen) : '';
      }
      case 'times': {
        const most = left > 0 ? Math.min(node.max, node.min + 4) : node.min;
        return Array.from({ length: node.min + pick(most - node.min + 1) }, () => make(node.node)).join('');
      }
      case 'rule': {
        const rule = grammar.get(node.name);
        return rule ? make(rule) : '';
      }
    }
  };
  return make({ kind: 'rule', name: 'root' });
}

function depthOf(node: Node, depths: ReadonlyMap<string, number>): number {
  switch (node.kind) {
    case 'text':
    case 'set':
      return 0;
    case 'all':
      return Math.max(0, ...node.nodes.map((part) => depthOf(part, depths)));
    case 'one':
      return Math.min(...node.nodes.map((part) => depthOf(part, depths)));
    case 'times':
      return node.min === 0 ? 0 : depthOf(node.node, depths);
    case 'rule':
      return 1 + (depths.get(node.name) ?? Infinity);
  }
}

/** How deep the shortest text of each rule is. A rule without an end stays infinite. */
function depthsOf(grammar: Grammar): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  for (let round = 0; round <= grammar.size; round++) {
    for (const [name, node] of grammar) {
      const depth = depthOf(node, depths);
      if (Number.isFinite(depth)) depths.set(name, Math.min(depth, depths.get(name) ?? Infinity));
    }
  }
  return depths;
}
