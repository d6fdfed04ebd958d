/**
 * Each scenario runs against this scripted model and the published one; what a test can observe must be equal.
 *
 * Compared as JSON, so a key that is absent and one that is undefined are the same. Messages of errors are our own
 * and are not compared. Where the two differ on purpose, docs/compatibility.md says so.
 */
import * as published from '@openai/agents/testing';
import { Usage as PublishedUsage } from '@openai/agents';
import { expect, test } from 'vitest';
import type { ModelRequest, StreamEvent } from '../../../src/protocol/model.ts';
import { Usage } from '../../../src/protocol/usage.ts';
import * as own from '../../../src/testing/index.ts';

/** The exports of a testing package, and the class of usage that goes with it. */
export type Kit = typeof own & { Usage: typeof Usage };
const ours: Kit = { ...own, Usage };
// The published types are nominally different classes of the same shape.
const theirs = { ...published, Usage: PublishedUsage } as unknown as Kit;

export const request = (extra: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...extra,
});

export async function drain(events: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const all: StreamEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What a promise or a function came to: its value as JSON, or the name and the facts of its error. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    return { value: JSON.parse(JSON.stringify((await act()) ?? null)) };
  } catch (error) {
    if (!(error instanceof Error)) return { thrown: error };
    const { name } = error;
    const own: Record<string, unknown> = { ...error };
    const { reason, inputIndex, callIndex, stepType, streamed, remainingSteps } = own;
    const facts = JSON.parse(JSON.stringify({ reason, inputIndex, callIndex, stepType, streamed, remainingSteps }));
    return { name, facts, message: name === 'Error' ? error.message : undefined };
  }
}

/** Does something with a kit, and shows what came of it. */
export type Scenario = (kit: Kit, see: (act: () => unknown) => Promise<void>) => Promise<void>;

async function observe(kit: Kit, scenario: Scenario): Promise<unknown[]> {
  const seen: unknown[] = [];
  await scenario(kit, async (act) => void seen.push(await outcome(act)));
  return seen;
}

/** One test a scenario: both kits must show the same. */
export function compare(scenarios: Record<string, Scenario>): void {
  test.each(Object.entries(scenarios))('both scripted models agree on %s', async (_, scenario) => {
    const expected = await observe(theirs, scenario);
    expect(expected.length).toBeGreaterThan(0);
    expect(await observe(ours, scenario)).toEqual(expected);
  });
}

/** The names that the published package exports and ours lacks. */
export function missingNames(): string[] {
  return Object.keys(published).filter((name) => !(name in own));
}
