import { describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, type Model, run, RunStore, type RunStreamPart } from '../index.ts';
import { assistantMessage } from '../testing/index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';

/** A model that says a word each time it is let to. */
function speaking(words: readonly string[]): { model: Model; say: () => void } {
  const waiting: (() => void)[] = [];
  let allowed = 0;
  const say = (): void => {
    allowed += 1;
    for (const look of waiting.splice(0)) look();
  };
  const model: Model = {
    getResponse: () => Promise.reject(new Error('It is streamed.')),
    async *getStreamedResponse() {
      yield { type: 'response_started' };
      for (const delta of words) {
        while (allowed === 0) await new Promise<void>((resolve) => waiting.push(resolve));
        allowed -= 1;
        yield { type: 'output_text_delta', delta };
      }
      const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
      const output = [assistantMessage(words.join(''))];
      yield { type: 'response_done', response: { id: 'r', usage, output } };
    },
  };
  return { model, say };
}

const speaker = (model: Model): AnyAgent => new Agent({ name: 'Speaker', model }) as unknown as AnyAgent;

/** What a user interface shows: whole answers of the log, and the text that is on its way. */
class Screen {
  positions: number[] = [];
  text = '';
  resets = 0;
  ended: Promise<unknown>;

  constructor(parts: AsyncIterable<RunStreamPart>) {
    this.ended = this.#read(parts).catch((error: unknown) => error);
  }

  async #read(parts: AsyncIterable<RunStreamPart>): Promise<void> {
    for await (const part of parts) {
      if (part.type === 'event') this.positions.push(part.position);
      if (part.type === 'event' && part.event.type === 'model.replied') {
        const [item] = part.event.reply.output;
        this.text = item?.type === 'message' ? `[${(item.content as { text: string }[])[0]?.text}]` : `[${item?.type}]`;
      }
      if (part.type === 'reset') {
        this.text = '';
        this.resets += 1;
      }
      if (part.type === 'delta' && part.data.type === 'output_text_delta') this.text += part.data.delta;
    }
  }

  shows = (text: string): Promise<void> => expect.poll(() => this.text, { timeout: 20_000 }).toBe(text);
}

const upTo = (head: number, from = 0): number[] => Array.from({ length: head - from }, (_, n) => from + n);

describe.each(kinds)('looking on, with a log in %s', { timeout: 60_000 }, (kind) => {
  const open = logOf(kind);

  test('who comes in the middle of an answer sees all of it, each event once, and nothing void', async () => {
    const log = open();
    const { model, say } = speaking(['Hel', 'lo ', 'you']);
    const store = new RunStore({ log });
    const stream = await run(speaker(model), 'Hi.', { stream: true, durable: { store, runId: 'r1' } });
    const first = new Screen(store.stream('r1'));
    say();
    await first.shows('Hel');
    const late = new Screen(store.stream('r1'));
    await late.shows('Hel');
    const { head } = (await log.read('r1'))?.info ?? { head: 0 };
    // It comes back with what it had seen.
    const again = new Screen(store.stream('r1', { from: head }));
    await again.shows('Hel');
    expect([first.resets, late.resets, again.resets]).toEqual([0, 1, 1]);
    say();
    say();
    await Promise.all([stream.completed, first.ended, late.ended, again.ended]);
    const end = (await log.read('r1'))?.info.head ?? 0;
    for (const screen of [first, late, again]) expect(screen.text).toBe('[Hello you]');
    expect(first.positions).toEqual(upTo(end));
    expect(late.positions).toEqual(upTo(end));
    expect(again.positions).toEqual(upTo(end, head));
  });

  test('after a crash the half of an answer is void, in this process and in others, streamed or not', async () => {
    const log = open();
    const old = speaking(['Half', ' of it']);
    const dying = new RunStore({ log, worker: 'w' });
    const dead = await run(speaker(old.model), 'Hi.', { stream: true, durable: { store: dying, runId: 'r1' } });
    const before = new Screen(dying.stream('r1'));
    old.say();
    await before.shows('Half');
    const seen = (await log.read('r1'))?.info.head ?? 0;
    // Another process only sees what is committed.
    const elsewhere = new Screen(new RunStore({ log: open() }).stream('r1'));
    await expect.poll(() => elsewhere.positions, { timeout: 20_000 }).toEqual(upTo(seen));
    await dying.drain({ timeoutMs: 1 });
    await expect(dead.completed).rejects.toMatchObject({ code: 'durable/closed' });

    const heir = speaking(['Half', ' and all']);
    const store = new RunStore({ log, worker: 'w', agents: [speaker(heir.model)] });
    const resumed = await store.resume('r1', { stream: true });
    const after = new Screen(store.stream('r1', { from: seen }));
    const raw: string[] = [];
    const reading = (async () => {
      for await (const event of resumed) {
        if (event.type !== 'raw_model_stream_event') continue;
        const { data } = event;
        if (data.type === 'model') raw.push((data.event as { type: string }).type);
        if (data.type === 'output_text_delta') raw.push(data.delta);
      }
    })();
    after.text = 'Half';
    heir.say();
    await expect.poll(() => raw, { timeout: 20_000 }).toEqual(['stream.reset', 'Half']);
    await after.shows('Half');
    expect(after.resets).toBe(1);
    heir.say();
    await reading;
    // The one that was in the dead process goes on too: it reads what others committed.
    await Promise.all([before.ended, after.ended, elsewhere.ended]);
    for (const screen of [before, after, elsewhere]) {
      expect(screen.text).toBe('[Half and all]');
      expect(screen.resets).toBe(1);
    }
    const end = (await log.read('r1'))?.info.head ?? 0;
    expect(before.positions).toEqual(upTo(end));
    expect(elsewhere.positions).toEqual(upTo(end));
    expect(after.positions).toEqual(upTo(end, seen));
  });

  test('a run that is not streamed gives its events, and one that is not there is an error', async () => {
    const { agent } = booking([call, done]);
    const store = new RunStore({ log: open() });
    const running = run(agent, 'Book LH1.', { durable: { store, runId: 'r1' } });
    await running;
    const screen = new Screen(store.stream('r1'));
    expect(await screen.ended).toBeUndefined();
    expect(screen.text).toBe('[message]'.replace('message', 'Done.'));
    expect(screen.positions.length).toBeGreaterThan(8);
    const nobody = new Screen(store.stream('nothing'));
    expect(await nobody.ended).toMatchObject({ code: 'durable/unknown-run' });
  });

  test('whoever has seen enough leaves', async () => {
    const { model, say } = speaking(['One', 'two']);
    const store = new RunStore({ log: open() });
    const stream = await run(speaker(model), 'Hi.', { stream: true, durable: { store, runId: 'r1' } });
    const enough = new AbortController();
    const screen = new Screen(store.stream('r1', { signal: enough.signal }));
    say();
    await screen.shows('One');
    enough.abort(new Error('enough'));
    expect(await screen.ended).toMatchObject({ message: 'enough' });
    say();
    await stream.completed;
    expect(screen.text).toBe('One');
  });
});
