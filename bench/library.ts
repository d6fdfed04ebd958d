/**
 * What each adapter offers to the measures: the same four situations, in the plainest way its library has.
 *
 * B1 The model is a scripted object that keeps no request and answers in the same tick.
 * B2 A tool run calls `add` with an object checked by zod, once a turn, and ends with a text.
 * B3 Every run reports what it did, so that a measure can refuse a run that did something else.
 */

/** Answers turn by turn: `undefined` stands for the closing text. `turn` counts from 0. */
export type Script = (turn: number) => { a: number; b: number } | undefined;

/** What a run says that it did. */
export type Outcome = { text: string; toolCalls: number };

export type Library = {
  /** One run; the model asks for the tool as long as the script says so. `maxTurns` is a bound never reached. */
  toolRun(script: Script, maxTurns: number): Promise<Outcome>;
  /** A function that makes one run with a text answer; what can be made once is made before. */
  textRun(): () => Promise<string>;
  /** One streamed run, whose events are iterated; gives the number of text deltas seen. */
  streamRun(deltas: readonly string[]): Promise<number>;
  /** Starts runs of one agent whose model does not answer. Gives what keeps their requests open. */
  pendingRuns(count: number): Promise<unknown[]>;
};

export type Adapter = {
  /** How the table calls it. */
  label: string;
  /** The package to import, and the root of its tree of installed packages. */
  specifier: string;
  load(specifier: string): Promise<Library>;
};

export const ANSWER = 'The end.';
export const TOOL = { name: 'add', description: 'Adds two numbers.' } as const;

/** Waits until `count` model calls are open: only then does memory show runs that wait. */
export async function allOpen(open: unknown[], count: number): Promise<unknown[]> {
  const until = Date.now() + 30_000;
  while (open.length < count) {
    if (Date.now() > until) throw new Error(`Only ${open.length} of ${count} runs reached their model.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return open;
}
