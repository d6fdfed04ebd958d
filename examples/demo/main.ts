/**
 * `npm run demo`: a support desk and a stock analyst at work, live. With a model where this machine has one
 * (OPENAI_API_KEY, or a local server), else with an offline one, through the same code.
 */
import {
  type Agent,
  type AnyAgent,
  type InputGuardrail,
  InputGuardrailTripwireTriggered,
  run,
  type RunState,
  setDefaultModel,
  stateOfError,
} from '@baton/agents';
import { findModel, useModel } from '../shared/find-model.ts';
import { stockAnalyst } from './analyst.ts';
import { askForApproval } from './approve.ts';
import { folder, keep, type Kept } from './keep.ts';
import { drawHead, drawTree, seconds } from './draw-tree.ts';
import { showLive } from './live.ts';
import { offlineModel } from './offline-model.ts';
import { openScreen } from './screen.ts';
import { supportDesk } from './support-desk.ts';
import { type Tree, treeOf } from './tree.ts';

type Scene = { title: string; agent: Agent; question: string; inSession?: true };
type Played = { title: string; tree: Tree };

const screen = openScreen(process.stdout);
const { paint } = screen;
const live = showLive(screen);
/** A model that answers nothing must not keep the demo for ever. */
const LIMIT_MS = 120_000;

// `npm run demo | head` is no error.
process.stdout.on('error', () => process.exit());

// Nothing is tidied up, and the signal is sent on: to the demo, Ctrl-C is what a power cut is.
process.once('SIGINT', () => {
  screen.gutter('');
  screen.line();
  screen.line(paint('yellow', '↯ Stopped in the middle. Start it again, and it goes on here.'));
  process.kill(process.pid, 'SIGINT');
});

await main();

async function main(): Promise<void> {
  const found = await findModel();
  if (found) useModel(found);
  else setDefaultModel(offlineModel());
  screen.line(paint('bold', 'Baton'), '· a support desk and a stock analyst');
  screen.line(
    paint(
      'dim',
      found ? `Model: ${found.label}` : 'No OPENAI_API_KEY and no local model server: this plays an offline script.',
    ),
  );
  screen.line();

  const kept = await openKept();
  if (!kept) return;
  const { cut } = kept;
  const desk = supportDesk({ watch: shown, again: cut !== undefined });
  const { analyst, close } = await stockAnalyst();
  const scenes: Scene[] = [
    {
      title: 'A refund needs a person',
      agent: desk,
      inSession: true,
      question: 'My headphones arrived broken, order 1042. I want my money back.',
    },
    {
      title: 'The session remembers',
      agent: desk,
      inSession: true,
      question: 'How much money was that again, and when will it arrive?',
    },
    {
      title: 'A guardrail stops it',
      agent: desk,
      inSession: true,
      question: 'Fine. Now write my essay about Napoleon.',
    },
    { title: 'Tools and a sub-agent', agent: analyst, question: 'How are ACME and GLOBEX doing today?' },
  ];
  const played: Played[] = [];
  try {
    for (const [at, scene] of scenes.entries()) {
      if (cut && at + 1 < cut.scene) continue;
      played.push(await play(scene, { n: at + 1, kept }));
    }
    summarise(played);
  } catch (error) {
    screen.line(paint('red', '✗ The demo ends here.'));
    screen.text(cut ? `${messageOf(error)} To begin anew, delete ${folder}.` : messageOf(error));
    screen.line();
    if (found) screen.line('  The model was', found.label);
    process.exitCode = 1;
  } finally {
    close();
    await kept.close();
  }
}

/** Undefined, and said so, where nothing can be kept. */
function openKept(): Promise<Kept | undefined> {
  return keep({
    waits: () => {
      screen.line(paint('dim', 'An earlier demo did not end. Waiting 3 s to be sure that its process is gone …'));
      screen.line();
    },
    putAside: (file, because) => {
      screen.line(paint('yellow', '↻ What an earlier demo left is of another version. This one begins anew.'));
      screen.text(`It is in ${file} now. ${because}`);
    },
  }).catch((error: unknown) => {
    screen.line(paint('red', `✗ The demo cannot keep its runs in ${folder}.`));
    screen.text(messageOf(error));
    screen.line();
    screen.text('Set BATON_DEMO_DIR to a folder on a local disk that can be written.');
    screen.line();
    process.exitCode = 1;
    return undefined;
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Place = { n: number; kept: Kept };

async function play(scene: Scene, { n, kept }: Place): Promise<Played> {
  const { title, agent, question } = scene;
  const head = `━━ ${n} ━ ${title} `;
  screen.gutter('');
  screen.line(`${paint('blue', head)}${paint('dim', '━'.repeat(Math.max(0, screen.columns - head.length - 1)))}`);
  screen.gutter('  ');
  screen.line(paint('bold', 'You:'), question);
  if (kept.cut?.scene === n) screen.line(paint('yellow', '↻ The plug was pulled here. It goes on where it was.'));
  if (agent.inputGuardrails.length === 0) live.agent(agent.name);
  const { state, stopped } = await converse(scene, { n, kept });
  const tree = treeOf(state.events);
  const { calls, tokens, ms } = tree.total;
  const sum = `${calls} model call${calls === 1 ? '' : 's'} · ${tokens.toLocaleString('en')} tokens · ${seconds(ms)}`;
  screen.gutter('  ');
  screen.line(paint('dim', stopped ? `  Nothing else ran: ${sum}` : `╰ ${sum}`));
  screen.line();
  return { title, tree };
}

/** Runs an agent on a question until it has answered. Where it waits for a person, asks, and goes on. */
async function converse(
  { agent, question, inSession }: Scene,
  { n, kept: { store, session, runId, cut } }: Place,
): Promise<{ state: RunState; stopped: boolean }> {
  const given = { stream: true as const, timeoutMs: LIMIT_MS, ...(inSession && { session }) };
  const options = { ...given, durable: { store, runId: runId(n) } };
  try {
    const isCut = cut?.scene === n;
    let stream = isCut
      ? await store.resume(cut.runId, { ...given, agent })
      : await run(agent as AnyAgent, question, options);
    if (isCut) live.agent(stream.state.currentAgent.name);
    for (;;) {
      for await (const event of stream) live.event(event);
      // The model may have said it all before the plug was pulled.
      if (isCut && !live.said()) screen.text(String(stream.finalOutput ?? ''));
      if (stream.interruptions.length === 0) return { state: stream.state, stopped: false };
      for (const item of stream.interruptions) {
        screen.line(`${paint('yellow', '⏸')} ${paint('bold', item.name)}`, 'waits for a person');
        if (await askForApproval(screen)) stream.state.approve(item);
        else stream.state.reject(item);
      }
      stream = await run(agent as AnyAgent, stream.state, options);
    }
  } catch (error) {
    const state = stateOfError(error);
    if (!(error instanceof InputGuardrailTripwireTriggered) || !state) throw error;
    return { state, stopped: true };
  }
}

/** Shows a guardrail at work: a stream tells of items, and a check makes none. */
function shown(guardrail: InputGuardrail): InputGuardrail {
  return {
    ...guardrail,
    execute: async (args) => {
      screen.busy(`guardrail "${guardrail.name}" checks`);
      const verdict = await guardrail.execute(args);
      const { tripwireTriggered, outputInfo } = verdict;
      const reason =
        typeof outputInfo === 'object' && outputInfo && 'reason' in outputInfo ? String(outputInfo.reason) : '';
      const mark = tripwireTriggered ? paint('red', '✗') : paint('green', '✓');
      screen.line(`${mark} ${guardrail.name}`, `· guardrail${tripwireTriggered ? ' trips' : ''}: ${reason}`);
      if (!tripwireTriggered) live.agent(args.agent.name);
      return verdict;
    },
  };
}

function summarise(played: readonly Played[]): void {
  const head = '━━ What happened, read off the logs of the runs ';
  screen.gutter('');
  screen.line(`${paint('blue', head)}${paint('dim', '━'.repeat(Math.max(0, screen.columns - head.length - 1)))}`);
  drawHead(screen);
  for (const { title, tree } of played) drawTree(screen, title, tree);
  screen.line();
  screen.gutter('');
  screen.line(paint('dim', 'Pull the plug in the middle (Ctrl-C, kill -9): the next start goes on there.'));
  screen.line(paint('dim', 'The code is in examples/demo; the smallest program is examples/quickstart.'));
}
