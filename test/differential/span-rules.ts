/**
 * What may differ between the span trees of the published SDK and ours: rules, which apply to every case, and cases in
 * which the run itself goes otherwise, so that its spans do too.
 */
import type { Json } from './normalise.ts';
import { field, list, text } from './masks.ts';
import { isSameSaid } from './rules.ts';
import type { Node, Tree } from './spans.ts';

/** Rules by the ids under which docs/compatibility.md explains them. */
export const RULES = [
  'span-model-calls',
  'span-trace-ends',
  'span-function-input',
  'span-tool-errors',
  'span-tool-outputs',
  'span-handoff-errors',
  'span-agent-tools',
  'span-aborts',
  'span-order',
  'span-no-run',
  'span-handlers',
] as const;
type Rule = (typeof RULES)[number];

/** Cases whose runs differ, with the deviation that says how. */
export const otherRuns: ReadonlyMap<string, string> = new Map([
  ['turns: odd values of maxTurns', 'bad-options'],
  ['turns: breaking out of a stream cancels the run', 'abandoned-streams'],
  ['tools: a fatal error aborts its siblings and waits for them', 'siblings-keep-results'],
  ['tools: the same call id in a later turn', 'call-ids'],
  ['tools: two tools of one name', 'bad-options'],
  ['tool rules: an unknown rule', 'bad-options'],
  ['handoffs: a filter and a conversation of the server exclude each other', 'error-texts'],
  ['agent tools: two sub-agents ask at once', 'waiting-agent-tool'],
  ['error handlers: invalidFinalOutput', 'output-retries'],
  ['error handlers: an output that does not fit the agent', 'output-retries'],
  ['abort: between two turns', 'span-aborts'],
  ['abort: with a reason of its own, while a tool works', 'abort-reason'],
  ['abort: before it began', 'pre-aborted-signal'],
  ['outputs: text that is not JSON, JSON that does not fit', 'output-retries'],
  ['outputs: a JSON schema is not checked', 'output-retries'],
  ['hosted tools: how they are sent', 'not-yet'],
  ['hosted tools: an MCP approval pauses', 'not-yet'],
  ['hosted tools: an MCP approval is rejected', 'not-yet'],
  ['hosted tools: onApproval answers at once', 'not-yet'],
  ['machine tools: shell and patch run after functions, in the order of the model', 'not-yet'],
  ['hooks: a listener that throws at each point', 'throwing-listeners'],
  ['suspects: a decision on a context, on other arguments than the call has', 'exact-decisions'],
]);

/** What stands in a span in place of why a tool failed. */
const isKeptBack = (words: string): boolean =>
  words.endsWith('redacted.') || words === 'The tool failed. Why is not told here.';

/** The trees of both sides without what the rules explain, and which rules were needed. */
export function align(
  published: readonly Tree[],
  ours: readonly Tree[],
): { published: Json; ours: Json; used: Rule[] } {
  const used = new Set<Rule>();
  const use = (rule: Rule): true => Boolean(used.add(rule)) as true;
  const theirs = published.map((tree) => ({ ...tree, under: tidy(tree.under, use) }));
  const mine = ours.map((tree) => ({ ...tree, under: tidy(withoutModelCalls(tree.under, use), use) }));
  const kept = mine.filter((tree) => !(theirs.length < mine.length && isBare(tree) && use('span-no-run')));
  const told = (tree: Tree): Json => ({ name: tree.name, group: tree.group });
  return {
    published: theirs.map((tree) => ({ ...(told(tree) as object), under: tree.under as unknown as Json })) as Json,
    ours: kept.map((tree, n) => {
      const other = theirs[n];
      if (other && (other.starts !== tree.starts || other.ends !== tree.ends)) use('span-trace-ends');
      return { ...(told(tree) as object), under: matchAll(other?.under ?? [], tree.under, use) as unknown as Json };
    }) as Json,
    used: [...used],
  };
}

type Use = (rule: Rule) => true;

/** A trace of a run that failed before it began: a task with an error and nothing under it. */
const isBare = (tree: Tree): boolean => tree.under.every(({ under, error }) => under.length === 0 && error !== null);

function withoutModelCalls(nodes: readonly Node[], use: Use): Node[] {
  const others = nodes.filter((node) => field(node.data, 'type') !== 'generation');
  if (others.length < nodes.length) use('span-model-calls');
  return others.map((node) => ({ ...node, under: withoutModelCalls(node.under, use) }));
}

/** Tasks in which nothing happened are left out; calls that ran side by side stand in a fixed order. */
function tidy(nodes: readonly Node[], use: Use): Node[] {
  const key = (node: Node): string => JSON.stringify([field(node.data, 'name'), field(node.data, 'output')]);
  const some = nodes
    .filter((node) => !(isIdle(node) && use('span-no-run')))
    .map((node) => ({ ...node, under: tidy(node.under, use) }));
  const isCall = (node: Node): boolean => field(node.data, 'type') === 'function';
  const calls = some.filter(isCall);
  const sorted = calls.toSorted((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0));
  return some.map((node) => (isCall(node) ? (sorted.shift() ?? node) : node));
}

const isIdle = ({ data, error, under }: Node): boolean =>
  field(data, 'type') === 'task' && under.length === 0 && error === null && field(data, 'usage') === undefined;

const matchAll = (theirs: readonly Node[], mine: readonly Node[], use: Use): Node[] =>
  mine.map((node, n) => match(theirs[n], node, use));

/** Our node, with the published one's values wherever a rule agrees. */
function match(theirs: Node | undefined, mine: Node, use: Use): Node {
  if (!theirs || field(theirs.data, 'type') !== field(mine.data, 'type')) return mine;
  const data = { ...(mine.data as object) } as Record<string, Json>;
  for (const key of Object.keys({ ...data, ...(theirs.data as object) })) {
    const [published, ours] = [field(theirs.data, key), data[key]];
    if (isSameSaid(published, ours)) data[key] = published ?? null;
    const rule = JSON.stringify(published) === JSON.stringify(data[key]) ? undefined : ruleFor(key, theirs, mine);
    if (!rule) continue;
    use(rule);
    if (published === undefined) delete data[key];
    else data[key] = published;
  }
  return { ...mine, data, error: matchError(theirs, mine, use), under: matchAll(theirs.under, mine.under, use) };
}

function ruleFor(key: string, theirs: Node, mine: Node): Rule | undefined {
  const [published, ours] = [field(theirs.data, key), field(mine.data, key)];
  const type = field(mine.data, 'type');
  if (type === 'function' && key === 'input' && published === '') return 'span-function-input';
  if (type === 'function' && key === 'output' && text(ours).startsWith('[{"type":"input_')) return 'span-tool-outputs';
  if (type === 'handoff' && key === 'to_agent' && ours === undefined && mine.error !== null)
    return 'span-handoff-errors';
  const isList = type === 'agent' && (key === 'tools' || key === 'handoffs');
  return isList && list(published).length === 0 && mine.error !== null ? 'span-agent-tools' : undefined;
}

function matchError(theirs: Node, mine: Node, use: Use): Json {
  const { error: published } = theirs;
  const { error: ours } = mine;
  if (JSON.stringify(published) === JSON.stringify(ours)) return ours;
  const [said, words] = [text(field(published, 'data', 'error')), text(field(ours, 'data', 'error'))];
  if (published === null && words.startsWith('AbortError')) return use('span-aborts') && published;
  const isHandler = published === null || text(field(published, 'message')) === 'Max turns exceeded';
  if (isHandler && words.startsWith('MaxTurnsExceededError')) return use('span-handlers') && published;
  if (field(mine.data, 'type') === 'handoff' && published !== null && ours !== null) {
    return use('span-handoff-errors') && published;
  }
  const isTool = field(mine.data, 'type') === 'function';
  if (isTool && said !== words && (isKeptBack(said) || isKeptBack(words))) {
    if (!(isKeptBack(said) && isKeptBack(words))) use('span-tool-errors');
    return published;
  }
  if (isTool && isSameSaid(said, words)) return published;
  // Messages are worded differently (error-texts); classes are not.
  if (said !== '' && said.split(':')[0] === words.split(':')[0]) return published;
  return ours;
}
