/**
 * Random systems of agents, as data. `build.ts` makes agents of them, `rules.ts` their models.
 *
 * S1: what such a system does follows from its seed and its conversations alone, never from how often it was asked,
 *     so a run that was killed and resumed can be held against one that was not.
 * S2: `race: true` marks systems whose end may depend on who is faster (an abort or a fatal tool beside long work);
 *     for them a kill may change the end, and only invariants are demanded.
 */
import { chance, pick, type Random, random, times, upTo } from './random.ts';

export type Approval = 'never' | 'always' | 'dynamic';
export type ToolSpec = {
  name: string;
  latency: number;
  approval: Approval;
  does: 'text' | 'object' | 'error' | 'refused' | 'fatal' | 'abort';
};
export type SubSpec = { name: string; approval: Approval; agent: AgentSpec; extracts: boolean };
export type HandoffSpec = { to: number; kind: 'plain' | 'callback' | 'input' | 'filter' };
export type CheckSpec = { name: string; blocking: boolean; latency: number; verdict: 'pass' | 'trip' | 'throw' };
export type AgentSpec = {
  name: string;
  tools: ToolSpec[];
  subs: SubSpec[];
  handoffs: HandoffSpec[];
  inputChecks: CheckSpec[];
  outputChecks: CheckSpec[];
  output: 'text' | 'json';
  toolUse: 'run_llm_again' | 'stop_on_first_tool' | 'named' | 'dynamic';
  dynamicInstructions: boolean;
};
export type SystemSpec = {
  seed: number;
  agents: AgentSpec[];
  stream: boolean;
  session: 'none' | 'memory' | 'plain';
  filtersInput: boolean;
  maxTurns: number;
  cap: number | null;
  handler: 'none' | 'maxTurns' | 'all' | 'hidden';
  unknownTools: boolean;
  addsInput: boolean;
  viaText: boolean;
  race: boolean;
};

export function systemOf(seed: number): SystemSpec {
  const r = random(seed * 7919 + 13);
  const violent = chance(r, 0.25);
  const count = 1 + upTo(r, 2);
  const agents = times(count, (i) => agentOf(r, { name: `A${i}`, depth: 0, count, violent }));
  const root = agents[0];
  if (root && chance(r, 0.35)) root.inputChecks = times(1 + upTo(r, 2), (i) => checkOf(r, `in${i}`, 0.08));
  const cap = chance(r, 0.3) ? 1 + upTo(r, 1) : null;
  const spec: SystemSpec = {
    seed,
    agents,
    stream: chance(r, 0.5),
    session: pick(r, ['none', 'memory', 'plain']),
    filtersInput: chance(r, 0.2),
    maxTurns: 2 + upTo(r, 6),
    cap,
    handler: pick(r, ['none', 'none', 'maxTurns', 'all', 'hidden']),
    unknownTools: chance(r, 0.3),
    addsInput: chance(r, 0.3),
    viaText: chance(r, 0.5),
    race: false,
  };
  return { ...spec, race: violent && races(spec) };
}

type Where = { name: string; depth: number; count: number; violent: boolean };

function agentOf(r: Random, { name, depth, count, violent }: Where): AgentSpec {
  const tools = times(upTo(r, 2) + (depth === 0 ? 1 : 0), (i) =>
    toolOf(r, `${name}_t${i}`, violent && depth === 0 && i === 0),
  );
  const subs =
    depth < 2 && chance(r, depth === 0 ? 0.45 : 0.25)
      ? times(1, (i): SubSpec => {
          const sub = `${name}_s${i}`;
          const agent = agentOf(r, { name: sub, depth: depth + 1, count: 0, violent: false });
          return { name: `${sub}_tool`, approval: approvalOf(r), agent, extracts: chance(r, 0.3) };
        })
      : [];
  const toolUse: AgentSpec['toolUse'] = chance(r, 0.7)
    ? 'run_llm_again'
    : pick(r, ['stop_on_first_tool', 'named', 'dynamic']);
  return {
    name,
    tools,
    subs,
    handoffs: times(count, (to) => to)
      .filter((to) => `A${to}` !== name && chance(r, 0.6))
      .map((to) => ({ to, kind: pick(r, ['plain', 'callback', 'input', 'filter']) })),
    inputChecks: [],
    outputChecks: chance(r, 0.25) ? times(1 + upTo(r, 1), (i) => checkOf(r, `out${i}`, 0.25)) : [],
    // What a tool says is text, which would not fit.
    output: toolUse === 'run_llm_again' && chance(r, 0.3) ? 'json' : 'text',
    toolUse,
    dynamicInstructions: chance(r, 0.3),
  };
}

const approvalOf = (r: Random): Approval => pick(r, ['never', 'never', 'never', 'always', 'dynamic']);

const toolOf = (r: Random, name: string, violent: boolean): ToolSpec => ({
  name,
  latency: upTo(r, 3),
  approval: approvalOf(r),
  does: violent ? pick(r, ['fatal', 'abort']) : pick(r, ['text', 'text', 'text', 'object', 'error', 'refused']),
});

const checkOf = (r: Random, name: string, bad: number): CheckSpec => ({
  name,
  blocking: chance(r, 0.4),
  latency: upTo(r, 3),
  verdict: chance(r, bad) ? pick(r, ['trip', 'throw']) : 'pass',
});

/** Whether work of more than one step may be under way when a tool ends the run. */
function races({ agents, cap }: SystemSpec): boolean {
  if (cap !== null) return true;
  return agents.some(({ subs, tools }) => {
    if (!tools.some(({ does }) => does === 'fatal' || does === 'abort')) return false;
    return subs.length > 0 || tools.some(({ approval }) => approval === 'dynamic');
  });
}
