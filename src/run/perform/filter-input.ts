/**
 * Lets `callModelInputFilter` change what is sent, and finds out what that means for the new input in a session.
 */
import type { AnyAgent } from '../../agent/index.ts';
import type { Prepared, State } from '../../kernel/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { LiveRun } from '../live-run.ts';

type Args = { agent: AnyAgent; input: AgentInputItem[]; instructions: string; state: State };
type Filtered = { input: AgentInputItem[]; system: string | undefined; prepared: Prepared | undefined };

export async function filterInput(run: LiveRun, { agent, input, instructions, state }: Args): Promise<Filtered> {
  const filter = run.settings.callModelInputFilter;
  if (!filter) return { input, system: instructions, prepared: undefined };
  const given = filter.preserveInputIdentity ? input.slice() : input.map((item) => structuredClone(item));
  const sources = new Map<AgentInputItem, AgentInputItem>();
  given.forEach((item, n) => input[n] && sources.set(item, input[n]));
  const modelData = { input: given.slice(), instructions };
  const changed = await filter({ modelData, agent, context: run.context.context });
  if (!Array.isArray(changed?.input)) {
    const returned: unknown = changed;
    throw new UserError(
      `callModelInputFilter returned ${JSON.stringify(returned) ?? String(returned)}. Return { input, instructions }, with the list of items as input.`,
    );
  }
  const prepared = state.inputSaved ? undefined : freshInput(state, given, { sources, result: changed.input });
  // A filter that speaks of the input only leaves the instructions as they are.
  return { input: changed.input, system: changed.instructions ?? instructions, prepared };
}

/**
 * The new input as it was sent. Items are matched by identity, else by content, else, where the filter kept the number
 * of items, by position; what the filter added is not the user's and is not kept.
 */
function freshInput(
  state: State,
  given: readonly AgentInputItem[],
  { sources, result }: { sources: Map<AgentInputItem, AgentInputItem>; result: readonly AgentInputItem[] },
): Prepared | undefined {
  const fresh = new Set(state.fresh);
  // Later calls see the input as it was sent first; how it is kept was decided then.
  const known = new Set(sources.values());
  if (fresh.size === 0 || ![...fresh].every((item) => known.has(item))) return undefined;
  const byContent = new Map(given.map((item) => [JSON.stringify(item), sources.get(item)]));
  const sent = new Map<AgentInputItem, AgentInputItem>();
  for (const [n, item] of result.entries()) {
    const positional = result.length === given.length && isAlike(given[n], item) ? given[n] : undefined;
    const source = sources.get(item) ?? byContent.get(JSON.stringify(item)) ?? (positional && sources.get(positional));
    if (source !== undefined && fresh.has(source)) sent.set(source, item);
  }
  // What an earlier call sent was said, also where a filter leaves it out later, as one that keeps the newest items does.
  const isFirstCall = state.entries.length === state.admission.from;
  const input = isFirstCall ? [...sent.values()] : state.fresh.map((item) => sent.get(item) ?? item);
  const same = input.length === state.fresh.length && JSON.stringify(input) === JSON.stringify(state.fresh);
  return same ? undefined : { input };
}

const roleOf = (item: AgentInputItem): unknown => ('role' in item ? item.role : item.type);
const isAlike = (a: AgentInputItem | undefined, b: AgentInputItem): boolean =>
  a !== undefined && roleOf(a) === roleOf(b);
