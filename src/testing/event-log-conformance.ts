/**
 * What every event log must do, as cases for any test runner. What a driver does not declare is skipped.
 *
 * @example
 * for (const { name, run } of eventLogConformance({ create: (tenant) => myLog({ tenant }) })) test(name, run);
 */
import type { EventLog } from '../log/index.ts';
import type { ConformanceCase } from './session-conformance.ts';
import { APPEND_CASES } from './event-log-cases/append.ts';
import { INBOX_CASES } from './event-log-cases/inbox.ts';
import { LEASE_CASES } from './event-log-cases/leases.ts';
import { LIST_CASES } from './event-log-cases/list.ts';
import { SHARED_CASES } from './event-log-cases/shared.ts';
import type { Check } from './event-log-cases/support.ts';

export type EventLogConformanceOptions = {
  /** Opens the log of a tenant, always in the same store. Runs of other cases may be in it. */
  create: (tenant: string) => EventLog | Promise<EventLog>;
  /** Releases what `create` gave. @default its `close()` */
  dispose?: (log: EventLog) => void | Promise<void>;
  /** Whether `create` for a tenant opened before finds the same runs, and tenants share a store. @default false */
  shared?: boolean;
};

/** The cases, each with a tenant of its own. A case rejects with an Error that says what was expected. */
export function eventLogConformance(options: EventLogConformanceOptions): ConformanceCase[] {
  const { create, dispose = (log: EventLog) => log.close(), shared = false } = options;
  const cases: Readonly<Record<string, Check>> = {
    ...APPEND_CASES,
    ...LEASE_CASES,
    ...INBOX_CASES,
    ...LIST_CASES,
    ...(shared && SHARED_CASES),
  };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    async run() {
      const opened: EventLog[] = [];
      const tenant = `conformance-${crypto.randomUUID()}`;
      const open = async (of = tenant): Promise<EventLog> => {
        const log = await create(of);
        opened.push(log);
        return log;
      };
      try {
        await check(await open(), open);
      } finally {
        for (const log of opened) await dispose(log);
      }
    },
  }));
}
