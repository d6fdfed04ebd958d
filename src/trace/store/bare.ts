/** Entries of a segment without what was said in them: the same spans, with no content. */
import type { Entry } from '../segment-log.ts';
import type { ToolCheck } from '../../kernel/index.ts';
import type { AgentInputItem } from '../../protocol/items.ts';

/** The text of a segment's part as it is kept when what was said is no longer. */
export const bareText = (text: string): string =>
  // The word of segment-part.ts, which wrote it.
  JSON.stringify((JSON.parse(text) as Entry[]).map(bare));

// oxlint-disable-next-line eslint/max-lines-per-function -- one case an entry that says something
function bare(entry: Entry): Entry {
  switch (entry.type) {
    case 'run.started':
      return { ...entry, input: '' };
    case 'session.loaded':
      return { ...entry, items: [], fresh: [] };
    case 'input.staged':
      return { ...entry, items: [] };
    case 'check.returned': {
      const { info: _, blocked: __, ...rest } = entry;
      return rest;
    }
    case 'model.replied': {
      const { prepared: _, reply, parsed, ...rest } = entry;
      const isFit = parsed && { parsed: parsed.ok ? parsed : { ...parsed, message: '' } };
      return { ...rest, ...isFit, reply: { ...reply, output: reply.output.map(bareItem) } };
    }
    case 'model.failed': {
      const { prepared: _, ...rest } = entry;
      return rest;
    }
    case 'tool.returned': {
      const { output: _, custom: __, checks = [], text = '', ...rest } = entry;
      // What a person said who refused a call is its error.
      return { ...rest, text: rest.outcome === 'rejected' ? text : '', checks: checks.map(bareCheck) };
    }
    case 'tool.failed': {
      const { checks: _, ...rest } = entry;
      return rest;
    }
    case 'call.decided': {
      const { message: _, checks: __, ...rest } = entry;
      return rest;
    }
    case 'approval.decided': {
      const { message: _, result: __, arguments: ___, ...rest } = entry;
      return rest;
    }
    case 'output.rejected':
      return { ...entry, message: '' };
    case 'handoff.returned': {
      const { input: _, edit: __, checks: ___, item, ...rest } = entry;
      return { ...rest, item: bareItem(item) };
    }
    case 'handoff.refused': {
      const { checks: _, item, ...rest } = entry;
      return { ...rest, item: bareItem(item) };
    }
    case 'agent.changed':
      return { ...entry, item: bareItem(entry.item) };
    case 'output.chosen':
    case 'error.handled':
      return entry.final === undefined ? entry : { ...entry, final: '' };
    case 'items.withheld':
      return { ...entry, text: '' };
    case 'effect.settled_late':
      return { ...entry, summary: '' };
    case 'plan.recorded':
      return { ...entry, plan: null };
    case 'trace.sent': {
      const { instructions: _, input, ...rest } = entry;
      return { ...rest, ...(input !== undefined && { input: '' }) };
    }
    default:
      return entry;
  }
}

/** Whether it answered in place of the tool. */
function bareCheck({ point, name, output }: ToolCheck): ToolCheck {
  return { point, name, output: JSON.stringify(output).includes('"rejectContent"') ? { type: 'rejectContent' } : null };
}

const KEPT: ReadonlySet<string> = new Set(['type', 'role', 'id', 'callId', 'name', 'status', 'origin']);

/** What an item is, without what it says. */
function bareItem<T extends AgentInputItem>(item: T): T {
  const entries = Object.entries(item).map(([key, value]): [string, unknown] => [
    key,
    KEPT.has(key) ? value : empty(value),
  ]);
  return Object.fromEntries(entries) as T;
}

const empty = (value: unknown): unknown => (typeof value === 'string' ? '' : Array.isArray(value) ? [] : undefined);
