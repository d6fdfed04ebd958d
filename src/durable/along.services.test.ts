/** A session in the PostgreSQL database of the log: a run that dies at any commit leaves both in step. */
import { expect, test } from 'vitest';
import { type Agent, type AnyAgent, type EventLog, PostgresSession, postgresLog, run, RunStore } from '../index.ts';
import { modelResponder, ScriptedModel } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';

function desk(): AnyAgent {
  const { agent } = booking([], { effect: 'idempotent' });
  const reply = modelResponder(({ request: { input } }) =>
    Array.isArray(input) && input.some(({ type }) => type === 'function_call_result') ? done : call,
  );
  (agent as Agent).model = new ScriptedModel(Array.from({ length: 10 }, () => reply));
  return agent;
}

test.skipIf(connectionString === '').each(['before', 'after'] as const)(
  'killed %s any commit, session and log never say different things, and the run ends as if never killed',
  { timeout: 60_000 },
  async (when) => {
    const tenant = crypto.randomUUID();
    const log = postgresLog({ connectionString, tenant });
    const sessions: PostgresSession[] = [];
    const openSession = (id: string): PostgresSession => {
      const session = new PostgresSession(id, { connectionString, tenant });
      sessions.push(session);
      return session;
    };
    const live = async (runId: string, at: number): Promise<number> => {
      let commits = 0;
      let isDead = false;
      const append: EventLog['append'] = async (commit) => {
        const isLast = commits++ === at;
        isDead ||= isLast && when === 'before';
        if (isDead) throw new Error('killed');
        const made = await log.append(commit);
        isDead = isLast;
        if (isDead) throw new Error('killed');
        return made;
      };
      const cut: EventLog = Object.assign(Object.create(log), { append, store: log.store, leases: log.leases });
      for (const method of ['read', 'list', 'post', 'watch', 'remove'] as const) {
        Object.assign(cut, { [method]: log[method].bind(log) });
      }
      const store = new RunStore({ log: cut, worker: 'w' });
      await run(desk(), 'Book LH1.', { session: openSession(runId), durable: { store, runId } }).catch(() => undefined);
      return commits;
    };
    const commits = await live('whole', -1);
    expect(commits).toBeGreaterThan(3);
    const boundaries = new Set<boolean>();
    for (let at = 0; at < commits; at++) {
      const runId = `r${at}`;
      await live(runId, at);
      const items = await openSession(runId).getItems();
      const holder = (await openSession(runId).turnHolder())?.runId;
      const types = (await log.read(runId))?.events.map(({ event }) => event.type) ?? [];
      const isSaved = types.includes('session.saved');
      expect([at, types.at(-1), items.length > 0]).toEqual([at, types.at(-1), isSaved]);
      // The end of the turn is in the commit that ends the run.
      if (types.includes('run.finished')) expect([at, holder]).toEqual([at, undefined]);
      else if (types.includes('session.loaded')) expect([at, holder]).toEqual([at, runId]);
      boundaries.add(isSaved);
      if (types.length === 0) continue;
      const resumeOptions = () => ({ session: openSession(runId) });
      await new RunStore({ log, agents: [desk()], worker: 'w', resumeOptions }).resume(runId);
      const kinds = (await openSession(runId).getItems()).map(({ type }) => type);
      expect(kinds).toEqual(['message', 'function_call', 'function_call_result', 'message']);
      expect(await openSession(runId).turnHolder()).toBeUndefined();
    }
    expect(boundaries).toContain(when === 'after');
    for (const session of sessions) await session.close();
    await log.close();
  },
);
