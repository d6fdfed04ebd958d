/**
 * A process that goes through recorded airline conversations durably: `node airline-worker.js <folder> <store>`, jobs as
 * for worker.fixture.ts, where `seed` is the index of a conversation. Each message is a run in the conversation's
 * session. The airline stands outside: what was booked is in a file that outlives the process, and booking twice books
 * twice.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { withUniqueCallIds } from '../../../examples/airline/call-ids.ts';
import { type AirlineData, type Conversation, loadData } from '../../../examples/airline/data.ts';
import { openDatabase } from '../../../examples/airline/database.ts';
import { isPythonMessage, outputOf, saidLast } from '../../../examples/airline/replay.ts';
import { chatModel } from '../../../examples/airline/sdk.ts';
import { callTool } from '../../../examples/airline/tools.ts';
import { Agent, DurableError, LogError, run, type RunResult, RunStore, tool } from '../../../src/index.ts';
import type { Said, Told } from './airline.ts';
import { deskFile, outcomeFile, runIdOf, sessionIdOf, WRITES } from './airline.ts';
import { openLog, openSession, type Place, pointsFile } from './paths.ts';
import { Probe } from './probe.ts';
import { probedSession } from './probed-session.ts';
import type { Job } from './workers.ts';

const [folder = '', store = ''] = process.argv.slice(2);
const place: Place = { folder, store: store === 'postgres' ? 'postgres' : 'sqlite' };
const log = openLog(place);
const data: AirlineData = await loadData(process.env['BATON_AIRLINE_DATA'] ?? '');
const server = process.env['BATON_AIRLINE_SERVER'] ?? '';

type Answer = { output: string; raised: boolean; callId: string };

/** The airline of one conversation, as it stands after all that was asked of it. */
class Desk {
  readonly #file: string;
  readonly #database = openDatabase(data.start);
  /** What it answered, by idempotency key. */
  readonly #answers = new Map<string, Answer>();

  constructor(conversation: number) {
    this.#file = deskFile(folder, conversation);
    const lines = existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
    for (const line of lines) this.#apply(JSON.parse(line) as Said);
  }

  /** A change is written down, and is made with that. */
  serve(said: Said): Answer {
    if (!WRITES.has(said.name)) return this.#answer(said);
    appendFileSync(this.#file, `${JSON.stringify(said)}\n`);
    return this.#apply(said);
  }

  answerTo(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  #apply(said: Said): Answer {
    const answer = this.#answer(said);
    this.#answers.set(said.key, answer);
    return answer;
  }

  #answer({ callId, name, argumentsText }: Said): Answer {
    return { ...callTool(this.#database, name, argumentsText), callId };
  }
}

type Setting = { conversation: Conversation; index: number; probe: Probe; pause(): Promise<void> };

function agentOf({ conversation, index, probe, pause }: Setting) {
  const desk = new Desk(index);
  const recorded = new Map(
    conversation.messages.flatMap((message) => (message.role === 'tool' ? [[message.callId, message.output]] : [])),
  );
  /** Where Python itself raised, its words are passed through, as in the undisturbed replay. */
  const wordsOf = ({ output, raised, callId }: Answer): string => {
    const words = recorded.get(callId);
    return raised && words !== undefined && isPythonMessage(words) ? words : output;
  };
  const tools = data.tools.map(({ name, description, parameters }) =>
    tool({
      name,
      description,
      parameters,
      strict: false,
      errorFunction: null,
      ...(WRITES.has(name)
        ? {
            effect: 'once' as const,
            reconcile: ({ idempotencyKey }: { idempotencyKey: string }) => {
              const answer = desk.answerTo(idempotencyKey);
              return answer ? { happened: true as const, output: wordsOf(answer) } : { happened: false as const };
            },
          }
        : { effect: 'read' as const }),
      execute: async (input: unknown, _context, details): Promise<string> => {
        const subject = WRITES.has(name) ? 'tool: once, reconciled' : 'tool: read';
        probe.at({ subject, phase: 'before act' });
        await pause();
        const argumentsText = details?.toolCall?.arguments ?? JSON.stringify(input);
        const callId = details?.toolCall?.callId ?? '';
        const answer = desk.serve({ key: details?.idempotencyKey ?? '', callId, name, argumentsText });
        probe.at({ subject, phase: 'after act' });
        await pause();
        return wordsOf(answer);
      },
    }),
  );
  return new Agent({
    name: 'Airline support',
    instructions: data.policy,
    model: chatModel(`${server}/conversations/${index}/v1`),
    tools,
    toolUseBehavior: { stopAtToolNames: ['transfer_to_human_agents'] },
  });
}

async function live({ seed: index, runId, worker, leaseMs, order }: Job): Promise<void> {
  const found = data.conversations[index];
  if (!found) throw new Error(`There is no conversation ${index}.`);
  const conversation = withUniqueCallIds(found);
  const probe = new Probe({
    file: pointsFile(place, runId),
    order,
    subjectOf: (name) => (WRITES.has(name) ? 'tool: once, reconciled' : 'tool: read'),
    stopping: () => undefined,
  });
  const pause = async (): Promise<void> => void (order.do === 'be killed' && (await sleep(Math.random() * 8)));
  const agent = agentOf({ conversation, index, probe, pause });
  const runs = new RunStore({ log: probe.watched(log), worker, leaseMs });
  const session = probedSession(openSession(place, sessionIdOf(index), false), probe, false);
  const told: Told = { outputs: [], texts: [] };
  try {
    for (const [position, message] of conversation.messages.entries()) {
      if (message.role !== 'user' || conversation.messages[position + 1] === undefined) continue;
      const id = runIdOf(index, position);
      const known = (await log.read(id, { limit: 0 }))?.info.status;
      probe.when = known === undefined ? 'first' : 'recovery';
      const options = { session, maxTurns: 200 };
      const ran =
        known === undefined
          ? run(agent, message.text, { ...options, durable: { store: runs, runId: id } })
          : runs.resume(id, { ...options, agent: agent as never });
      const { newItems, finalOutput } = (await ran) as RunResult<unknown, typeof agent>;
      told.outputs.push(...newItems.flatMap(outputOf));
      const text = saidLast({ newItems, finalOutput });
      if (text !== undefined) told.texts.push(text);
    }
    writeFileSync(outcomeFile(folder, index), JSON.stringify(told));
  } finally {
    await runs.drain({ timeoutMs: 0 });
    await session.close();
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  say('began');
  try {
    await live(JSON.parse(line) as Job);
    say('done');
  } catch (error) {
    const code = error instanceof DurableError || error instanceof LogError ? error.code : '';
    const isLate = code === 'durable/lease-lost' || code === 'log/busy';
    say(isLate ? `again ${code}` : `wrong ${String((error as Error).stack).replaceAll('\n', ' ¶ ')}`);
  }
}
await log.close();
