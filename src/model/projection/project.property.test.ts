import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toPrompt } from '../../providers/ai-sdk/prompt.ts';
import { wireProblem } from '../../testing/wire-validators/index.ts';
import { bodyFor, FOREIGN, historyFor, specs, targetOf, WIRES } from './histories.fixture.ts';
import { projectHistory } from './project-history.ts';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) frozen(member);
  }
  return value;
}

/** 10,000 in the long suite. */
const RUNS = 10 * (fc.readConfigureGlobal().numRuns ?? 50);

describe.each(WIRES)('any history for %s', (wire) => {
  const target = targetOf(wire);

  test('is a request that the vendor takes, and holds nothing that only another model can read', () => {
    fc.assert(
      fc.property(specs, (list) => {
        const { items } = projectHistory(frozen(historyFor(list, target)), target);
        const body = bodyFor(items, target);
        expect(wireProblem(wire, body)).toBeUndefined();
        // Google's models are asked through the AI SDK.
        if (wire === 'gemini') expect(wireProblem('ai-sdk', { prompt: toPrompt(items, 'v3') })).toBeUndefined();
        expect(JSON.stringify(body)).not.toContain(FOREIGN);
      }),
      { numRuns: RUNS },
    );
  });

  test('projected twice is the history projected once', () => {
    fc.assert(
      fc.property(specs, (list) => {
        const { items } = projectHistory(historyFor(list, target), target);
        const again = projectHistory(items, target);
        expect(again.items).toEqual(items);
        expect(again.warnings.map(({ code }) => code).filter((code) => code !== 'item_rewritten')).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('keeps what the target said itself, word for word', () => {
    fc.assert(
      fc.property(specs, (list) => {
        const history = historyFor(list, target);
        const { items } = projectHistory(history, target);
        const kept = new Set(items);
        for (const item of history) {
          if (item.type !== 'reasoning' || item.origin?.model !== target.model) continue;
          // OpenAI's wires take reasoning only before what it led to.
          if (wire === 'openai-responses' || wire === 'openai-chat') continue;
          expect(kept.has(item)).toBe(true);
        }
      }),
    );
  });

  test('only grows at its end, so that a prompt cache knows its start', () => {
    fc.assert(
      fc.property(specs, specs, (first, second) => {
        // From a user's message on, what came before is settled.
        const spoken = { kind: 'user', owner: 'none', id: '', text: 'now', name: '', args: '', n: 1 } as const;
        const own = (list: typeof first): typeof first =>
          list.filter(({ id, kind }) => !kind.includes('result') && id !== '');
        const start = projectHistory(historyFor([...own(first), spoken], target), target).items;
        const whole = projectHistory(historyFor([...own(first), spoken, ...own(second)], target), target).items;
        if (wire === 'gemini') return; // Sentinels belong to the current turn.
        expect(whole.slice(0, start.length)).toEqual(start);
      }),
    );
  });
});
