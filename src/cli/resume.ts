/** `baton resume <module> <run>`: goes on with one durable run, such as one that failed. */
import { AgentsError, UserError } from '../protocol/errors.ts';
import { getGlobalTraceProvider } from '../trace/provider.ts';
import { parse } from './arguments.ts';
import type { Command } from './command.ts';
import { harmless, type Terminal, wrap } from './terminal.ts';
import { endSoon, type ModuleStore, storeOf } from './store-module.ts';

export const resume: Command = {
  usage: `baton resume <module> <id of the run>

  The module exports a RunStore with its agents, as for baton worker. A run that failed goes on after the last
  thing that was done, and one whose process has gone too. One that waits for a person waits on.`,
  async run(args, terminal) {
    const [module, runId] = parse(args, {}, 2).positionals;
    if (module !== undefined && runId === undefined) {
      throw new UserError('Which run? Give its id; `baton runs --status failed` lists those that failed.');
    }
    const store = await storeOf(module, 'resume');
    const code = await goOn(store, runId ?? '', terminal);
    await store.close();
    await getGlobalTraceProvider().forceFlush();
    endSoon(code);
    return code;
  },
};

type Result = Awaited<ReturnType<ModuleStore<'resume'>['resume']>>;

async function goOn(store: ModuleStore<'resume'>, runId: string, terminal: Terminal): Promise<number> {
  const { out, paint } = terminal;
  let result: Result;
  try {
    result = await store.resume(runId);
  } catch (error) {
    tell(`✗ ${harmless(runId)}: ${harmless(wordsOf(error))}`, (line) => terminal.err(paint('red', line)), terminal);
    return 1;
  }
  const { interruptions } = result;
  if (interruptions.length > 0) {
    out(`${paint('yellow', '⏸')} ${harmless(runId)} waits for a person:`);
    for (const { name, arguments: given = '', callId = '', uncertain } of interruptions) {
      tell(`  ${harmless(name)} ${harmless(given)} (call ${harmless(callId)})`, out, terminal);
      tell(`    ${uncertain === undefined ? TO_APPROVE : CUT_OFF}`, out, terminal);
    }
    return 0;
  }
  const { finalOutput } = result;
  const said = typeof finalOutput === 'string' ? finalOutput : (JSON.stringify(finalOutput) ?? '');
  out(`${paint('green', '✓')} ${harmless(runId)} is finished`);
  tell(harmless(said), out, terminal);
  return 0;
}

const TO_APPROVE = 'To be approved: store.approve(run, call), or store.reject(run, call).';
const CUT_OFF =
  'It began and was cut off: nobody knows whether it happened. Find out. Where it did: ' +
  'store.confirm(run, call, result); where it did not: store.approve(run, call) makes it again; store.reject(run, call) ' +
  'leaves it.';

function tell(text: string, say: (line: string) => void, { columns }: Terminal): void {
  for (const line of wrap(text, columns, '  ')) say(line);
}

function wordsOf(error: unknown): string {
  if (error instanceof AgentsError) return `${error.message} (${error.code})`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
