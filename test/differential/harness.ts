/** Loads an SDK and plays scenarios with it. Our side never needs the published package, nor the other way round. */
import { INTERNALS } from '../../src/run/run.ts';
import { Kit, type Mode, type RunnerConfig, type Scenario, type Sdk, type Testing, type Trace } from './kit.ts';

export type Side = 'published' | 'ours';
/** `amnesia`: after every commit our kernel drops its state and live values and goes on from the log alone. */
export type LoadOptions = { amnesia?: boolean };
export type Loaded = { sdk: Sdk; testing: Testing };
export type Case = { id: string; scenario: Scenario; mode: Mode };

/** Our namespaces with a `Runner` and a `run` that forget all but the log after every commit. */
export function amnesia({ sdk, testing }: Loaded): Loaded {
  class Forgetful extends sdk.Runner {
    constructor(config: RunnerConfig = {}) {
      const forgetful = { ...config, [INTERNALS]: { amnesia: true } };
      super(forgetful);
    }
  }
  // Overloads cannot be forwarded one by one; what comes in goes on as it is.
  const run = ((...args: Parameters<Sdk['run']>) => new Forgetful().run(...args)) as Sdk['run'];
  return { sdk: { ...sdk, Runner: Forgetful, run }, testing };
}

const load = async (path: string): Promise<unknown> => import(/* @vite-ignore */ path);
const here = (path: string): string => new URL(path, import.meta.url).href;

/** Imports one side. Tracing is off and nothing reaches the network: every model is scripted. */
export async function loadSide(side: Side, options: LoadOptions = {}): Promise<Loaded> {
  const [sdk, testing] =
    side === 'published'
      ? [await load('@openai/agents'), await load('@openai/agents/testing')]
      : [await load(here('../../src/index.ts')), await load(here('../../src/testing/index.ts'))];
  // The parse boundary: what both sides promise is the common API.
  const loaded = { sdk: sdk as Sdk, testing: testing as Testing };
  loaded.sdk.setTracingDisabled?.(true);
  if (options.amnesia !== true) return loaded;
  return amnesia(loaded);
}

/** One case for each scenario and mode, with the id that deviations refer to. */
export function casesOf(scenarios: readonly Scenario[]): Case[] {
  return scenarios.flatMap((scenario) =>
    (scenario.modes ?? ['plain', 'stream']).map((mode) => ({ id: `${scenario.name} [${mode}]`, scenario, mode })),
  );
}

const CONSOLE = ['warn', 'error', 'log', 'info', 'debug'] as const;

/** Silences the console while `work` runs. Returns what was said. */
export async function quietly(work: () => Promise<void>): Promise<string[]> {
  const said: string[] = [];
  const kept = CONSOLE.map((name) => [name, console[name]] as const);
  for (const name of CONSOLE)
    console[name] = (...args: unknown[]) => void said.push(`${name}: ${args.map(String).join(' ')}`);
  try {
    await work();
  } finally {
    for (const [name, original] of kept) console[name] = original;
  }
  return said;
}

/** Plays one case and returns its trace. What the SDK printed is part of it only where the scenario asks. */
export async function play({ scenario, mode }: Case, { sdk, testing }: Loaded): Promise<Trace> {
  const kit = new Kit(sdk, testing, mode);
  const said = await quietly(async () => {
    try {
      await scenario.play(kit);
    } catch (error) {
      kit.log('scenario throws', error);
    }
  });
  return scenario.console === true ? { ...kit.trace(), console: said } : kit.trace();
}
