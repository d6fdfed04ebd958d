/** A world in memory whose answers a seed decides: drives the kernel through runs that no model would think of. */
import {
  type AgentPlan,
  type CallPlan,
  type Committed,
  drive,
  type Effect,
  initialState,
  isWaiting,
  type Plan,
  type RunEvent,
  type State,
  type Stop,
  type World,
} from '../../src/kernel/index.ts';
import type { ModelItem } from '../../src/protocol/items.ts';
import { chance, pick, random, type Random, times, upTo } from '../kill/random.ts';

export type Life = {
  log: Committed[];
  state: State;
  plan: Plan;
  cap: number | null;
  /** Each state with its picture of then, to be compared with its picture of now. */
  states: State[];
  problems: string[];
};

type Options = {
  /** Called with each state that the kernel shows. */
  seen?: (state: State) => void;
  /** Whether listeners may throw. */
  throwing?: boolean;
};

const HANDLED = ['maxTurns', 'modelRefusal', 'invalidFinalOutput'];

export function planOf(r: Random): Plan & { cap: number | null } {
  const cap = chance(r, 0.4) ? 1 + upTo(r, 2) : null;
  const agent = (name: string): AgentPlan => ({
    name,
    inputChecks: chance(r, 0.4) ? times(1 + upTo(r, 2), () => ({ blocking: chance(r, 0.5) })) : [],
    outputChecks: chance(r, 0.4) ? 1 + upTo(r, 2) : 0,
    toolUse: pick(r, ['run_llm_again', 'run_llm_again', 'stop_on_first_tool', 'dynamic', { stopAt: ['t0'] }]),
    outputRetries: upTo(r, 2),
  });
  const agents = new Map(['A', 'B'].map((name) => [name, agent(name)]));
  const handles = chance(r, 0.4);
  const fails = chance(r, 0.2);
  return {
    cap,
    agent: (key) => agents.get(key) ?? agent(key),
    handles: (cause) => handles && HANDLED.includes(cause),
    unknownTool: chance(r, 0.5) ? 'raise' : 'tell',
    toolConcurrency: cap,
    compacts: chance(r, 0.3),
    onUncertain: (effect) => (fails && effect.do === 'call_model' ? 'fail' : 'retry'),
  };
}

/** Lives one run to its end, with pauses, recoveries and whatever else the seed wants. */
export async function lifeOf(seed: number, { seen, throwing = false }: Options = {}): Promise<Life> {
  const r = random(seed * 31 + 7);
  const { cap, ...plan } = planOf(r);
  const log: Committed[] = [];
  const states: State[] = [];
  const problems: string[] = [];
  const session = chance(r, 0.5);
  let inbox: RunEvent[] = [
    {
      type: 'run.started',
      runId: 'r',
      agent: 'A',
      input: chance(r, 0.5) ? 'hi' : [{ type: 'message', role: 'user', content: 'hi' }],
      maxTurns: chance(r, 0.2) ? null : 1 + upTo(r, 5),
      session,
    },
  ];
  let state = initialState();
  for (let round = 0; round < 60; round++) {
    const under: Effect[] = [];
    let stopped = false;
    const world: World = {
      start(effect, at) {
        if (!log.some((event) => event.type === 'effect.requested' && event.effect === effect))
          problems.push(`${effect.id} was begun before its commit`);
        void at;
        under.push(effect);
      },
      async next() {
        if (chance(r, 0.06)) {
          inbox.push(disturbance(r, log.length > 120));
          return undefined;
        }
        const [effect] = under.splice(upTo(r, under.length - 1), 1);
        if (!effect) throw new Error('The kernel waits for nothing.');
        return answer(r, effect, { state, stopped, many: log.length > 120 });
      },
      inbox() {
        const all = inbox;
        inbox = [];
        return all;
      },
      commit(events) {
        log.push(...events);
        return chance(r, 0.5) ? undefined : Promise.resolve();
      },
      notify(event, now) {
        state = now;
        if (event.type === 'run.stopping') stopped = true;
        states.push(now);
        seen?.(now);
        if (throwing && chance(r, 0.02)) throw new Error('a listener broke');
      },
      caught(error): Stop {
        stopped = true;
        return { cause: 'callback', id: 'listener', error: { name: 'Error', message: String(error) } };
      },
    };
    state = await drive(state, plan, world);
    if (state.status !== 'paused') break;
    inbox = resume(r, state, round > 20);
  }
  return { log, state, plan, cap, states, problems };
}

function disturbance(r: Random, late: boolean): RunEvent {
  const abort: RunEvent = { type: 'run.stopping', cause: 'abort', error: { name: 'AbortError', message: 'enough' } };
  if (late) return abort;
  return pick(r, [
    abort,
    { type: 'input.staged', items: [{ type: 'message', role: 'user', content: 'and this' }] },
    { type: 'input.cleared' },
    { type: 'approval.decided', tool: `t${upTo(r, 3)}`, approved: chance(r, 0.5), sticky: true },
  ]);
}

function resume(r: Random, state: State, all: boolean): RunEvent[] {
  const decisions = state.calls.flatMap((call): RunEvent[] => {
    if (!isWaiting(state, call)) return [];
    return (call.asks ?? [{ run: undefined, callId: call.callId, tool: call.tool }])
      .filter(() => all || chance(r, 0.7))
      .map(({ run, callId, tool }) => ({
        type: 'approval.decided',
        ...(run !== undefined && { run }),
        tool,
        callId,
        approved: chance(r, 0.6),
        ...(chance(r, 0.2) && { sticky: true as const }),
        ...(chance(r, 0.2) && { message: 'no' }),
      }));
  });
  return [...decisions, { type: 'run.resumed', maxTurns: state.maxTurns, session: state.hasSession }];
}

type Now = { state: State; stopped: boolean; many: boolean };

const result = (callId: string, name: string, text: string): ModelItem => ({
  type: 'function_call_result',
  name,
  callId,
  status: 'completed',
  output: chance(random(text.length), 0.5) ? text : { type: 'text', text },
});

function answer(r: Random, effect: Effect, { state, stopped, many }: Now): RunEvent {
  const { id } = effect;
  const error = { name: 'Error', message: `${id} broke` };
  if (stopped && effect.do !== 'save_session' && effect.do !== 'handle_error' && chance(r, 0.5))
    return { type: 'effect.failed', id, error };
  switch (effect.do) {
    case 'load_session': {
      const items = times(upTo(r, 2), () => ({ type: 'message' as const, role: 'user' as const, content: 'earlier' }));
      if (chance(r, 0.05)) return { type: 'effect.failed', id, error };
      return {
        type: 'session.loaded',
        id,
        items: [...items, { type: 'message', role: 'user', content: 'hi' }],
        fresh: [items.length],
      };
    }
    case 'check': {
      const verdict = chance(r, 0.85) ? 'pass' : pick(r, ['tripped', 'errored']);
      return {
        type: 'check.returned',
        id,
        name: 'c',
        verdict,
        ...(chance(r, 0.5) && verdict !== 'pass' && { error }),
        ...(chance(r, 0.3) && { blocked: 'hidden' }),
      };
    }
    case 'call_model':
      return chance(r, 0.03)
        ? { type: 'model.failed', id, error, ...(chance(r, 0.5) && { prepared: PREPARED }) }
        : reply(r, id, many);
    case 'decide_call': {
      if (chance(r, 0.03)) return { type: 'effect.failed', id, error };
      const verdict = pick(r, ['run', 'run', 'ask', 'refuse']);
      return {
        type: 'call.decided',
        id,
        verdict,
        ...(verdict === 'refuse' && chance(r, 0.5) && { message: 'no' }),
        ...(chance(r, 0.2) && { checks: CHECKS }),
      };
    }
    case 'call_tool': {
      const call = state.calls[effect.i];
      if (chance(r, 0.04)) return { type: 'tool.failed', id, error, ...(chance(r, 0.3) && { checks: CHECKS }) };
      if (call?.kind === 'agent' && chance(r, 0.4)) {
        return {
          type: 'tool.waiting',
          id,
          asks: times(1 + upTo(r, 1), (i) => ({
            run: `r/${id}`,
            k: 1,
            i,
            callId: `x${effect.attempt ?? 1}.${i}`,
            tool: `t${i}`,
          })),
        };
      }
      const outcome = effect.refused ? 'rejected' : chance(r, 0.8) ? 'ok' : pick(r, ['error', 'aborted', 'timeout']);
      const said = pick(r, ['text', 'output', 'list']);
      const text = `${id} says`;
      return {
        type: 'tool.returned',
        id,
        ...(outcome !== 'ok' && { outcome }),
        ...(said === 'text' ? { text } : { output: said === 'list' ? [{ type: 'input_text', text }] : text }),
        ...(chance(r, 0.2) && { custom: { mine: 1 } }),
        ...(chance(r, 0.2) && { checks: CHECKS }),
      };
    }
    case 'hand_off': {
      const { callId = '', tool = '' } = state.calls[effect.i] ?? {};
      if (chance(r, 0.1)) return { type: 'effect.failed', id, error };
      const item = result(callId, tool, 'handed over');
      if (chance(r, 0.15)) return { type: 'handoff.refused', id, item, ...(chance(r, 0.5) && { checks: CHECKS }) };
      const to = pick(r, ['A', 'B']);
      return {
        type: 'handoff.returned',
        id,
        to,
        item,
        ...(chance(r, 0.3) && { input: 'rewritten' }),
        ...(chance(r, 0.3) && {
          edit: [
            [0, upTo(r, state.entries.length)],
            {
              kind: 'input' as const,
              item: { type: 'message' as const, role: 'user' as const, content: 'summary' },
              agent: to,
            },
          ],
        }),
      };
    }
    case 'choose_output':
      return chance(r, 0.1)
        ? { type: 'effect.failed', id, error }
        : { type: 'output.chosen', id, k: effect.k, ...(chance(r, 0.5) && { final: 'chosen' }) };
    case 'handle_error':
      return chance(r, 0.1)
        ? { type: 'effect.failed', id, error }
        : {
            type: 'error.handled',
            id,
            ...(chance(r, 0.7) && { final: 'handled' }),
            ...(chance(r, 0.3) && { includeInHistory: false }),
          };
    case 'save_session':
      return chance(r, 0.05) ? { type: 'effect.failed', id, error } : { type: 'session.saved', id, to: effect.to };
    case 'compact_session':
      return chance(r, 0.1) ? { type: 'effect.failed', id, error } : { type: 'session.compacted', id };
  }
}

const PREPARED = { input: [{ type: 'message' as const, role: 'user' as const, content: 'hi, rewritten' }] };
const CHECKS = [{ point: 'tool_input' as const, name: 'guard', output: {} }];
const USAGE = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };

function reply(r: Random, id: string, many: boolean): RunEvent {
  const prepared = chance(r, 0.2) ? { prepared: PREPARED } : {};
  if (many || chance(r, 0.3)) {
    const text = chance(r, 0.8)
      ? [{ type: 'output_text' as const, text: chance(r, 0.9) ? `answer of ${id}` : '' }]
      : [];
    const refusal = chance(r, 0.15) ? [{ type: 'refusal' as const, refusal: 'no' }] : [];
    const message: ModelItem = {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [...text, ...refusal],
    };
    const output: ModelItem[] = chance(r, 0.9) ? [message] : [{ type: 'reasoning', content: [] }];
    const parsed = chance(r, 0.4)
      ? { parsed: chance(r, 0.6) ? ({ ok: true } as const) : ({ ok: false, message: 'not JSON' } as const) }
      : {};
    return {
      type: 'model.replied',
      id,
      reply: { output, usage: USAGE, responseId: `resp_${id}` },
      ...parsed,
      ...prepared,
    };
  }
  const output: ModelItem[] = [];
  const calls: CallPlan[] = [];
  for (let i = 0; i <= upTo(r, 3); i++) {
    const kind = pick(r, ['function', 'function', 'function', 'agent', 'handoff', 'unknown']);
    const callId = chance(r, 0.03) ? `${id}.0` : `${id}.${i}`;
    const name = kind === 'handoff' ? 'transfer' : `t${upTo(r, 2)}`;
    if (chance(r, 0.1))
      output.push({
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'look' }],
      });
    calls.push({
      at: output.length,
      kind,
      ...(kind === 'handoff' && { to: pick(r, ['A', 'B']), ...(chance(r, 0.5) && { dynamic: true as const }) }),
      ...((kind === 'function' || kind === 'agent') && chance(r, 0.4) && { approval: pick(r, ['always', 'dynamic']) }),
    });
    output.push({ type: 'function_call', callId, name, arguments: '{}', status: 'completed' });
  }
  return { type: 'model.replied', id, reply: { output, usage: USAGE }, calls, ...prepared };
}
