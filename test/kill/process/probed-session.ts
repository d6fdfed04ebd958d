/** A session that says when it is read and written. */
import type { OpenSession } from './paths.ts';
import type { Subject } from './points.ts';
import type { Probe } from './probe.ts';

/** @param apart whether it is in another database than the runs: else it is written by the log's commits */
export function probedSession(session: OpenSession, probe: Probe, apart: boolean): OpenSession {
  const around = async <T>(subject: Subject, act: () => Promise<T>): Promise<T> => {
    probe.at({ subject, phase: 'before act' });
    const done = await act();
    probe.at({ subject, phase: 'after act' });
    return done;
  };
  const read = session.getItems.bind(session);
  session.getItems = (limit) => around('session load', () => read(limit));
  if (!apart) return session;
  const write = session.applyHistoryTransaction.bind(session);
  session.applyHistoryTransaction = (args) => around('session save', () => write(args));
  return session;
}
