import { live } from './life.ts';
import { systemOf } from './systems.ts';
const [from = 0, to = 60] = process.argv.slice(2).map(Number);
const tally: Record<string, number> = {};
for (let seed = from; seed < to; seed++) {
  const spec = systemOf(seed);
  const t = performance.now();
  try {
    const { outcome, commits, problems, disk } = await live(spec);
    const types = new Set([...disk.logs.values()].flat().map(({ type }) => type));
    for (const x of types) tally[x] = (tally[x] ?? 0) + 1;
    for (const x of ['race', 'stream', 'session'] as const) if (spec[x]) tally[x] = (tally[x] ?? 0) + 1;
    console.log(seed, outcome.status, commits, 'logs', disk.logs.size, Math.round(performance.now() - t) + 'ms', JSON.stringify(outcome.error ?? ''), problems.join());
  } catch (e) { console.log(seed, 'THROWN', e); }
}
console.log(tally);
