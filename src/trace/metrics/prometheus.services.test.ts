/**
 * The metrics in a real Prometheus, and the exported rules under promtool.
 *
 * `node scripts/services/main.ts prometheus -- node scripts/suite.ts services` starts it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_ALERT_RULES, openMetricsStore, prometheusRules, PROMETHEUS_CONTENT_TYPE } from './index.ts';
import { PROMQL_ERROR } from './prometheus-text.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { observation, randomNumbers } from './synthetic.fixture.ts';

const url = process.env['BATON_PROMETHEUS_URL'] ?? '';
const targets = process.env['BATON_PROMETHEUS_FOLDER'] ?? '';
const promtool = process.env['BATON_PROMTOOL'] ?? '';

/** Takes what promtool says, also where it finds fault. */
function check(args: readonly string[], input?: string): string {
  return execFileSync(promtool, args, { encoding: 'utf8', ...(input !== undefined && { input }) });
}

type Answer = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
async function query(promql: string): Promise<Answer['data']['result']> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
  return ((await answer.json()) as Answer).data.result;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(200);
  }
}

describe.skipIf(url === '')('Prometheus', () => {
  let server: Server;
  let folder: string;
  const metrics = new ProcessMetrics({
    maxAgents: 3,
    slowMs: 30_000,
    instanceId: 'i"1\\\n',
    startedAt: 1_764_000_000_000,
  });
  const text = (): string => metrics.text({ active: 2, activeSlow: 1 });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'baton-rules-'));
    server = createServer((_, response) => {
      response.setHeader('content-type', PROMETHEUS_CONTENT_TYPE).end(text());
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    writeFileSync(join(targets, 'targets.json'), JSON.stringify([{ targets: [`127.0.0.1:${port}`] }]));
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('scrapes them; p95 by PromQL is within the stated error, labels are kept and capped', async () => {
    const random = randomNumbers(7);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const all: number[] = [];
    for (let n = 0; n < 5_000; n++) {
      const activeMs = 1_000 * Math.exp(2 + normal());
      all.push(activeMs / 1_000);
      metrics.add(observation({ activeMs, agent: ['A "1"', 'B\\', 'C\nD', `E${n}`][n % 4] ?? '', firstTokenMs: [0] }));
    }
    // promtool speaks of style too, and ends with an error then.
    expect(check(['check', 'metrics'], text())).toBe('');
    const store = openMetricsStore({ path: join(folder, 'traces.db') });
    await store.add(observation({ firstTokenMs: [20] }));
    expect(check(['check', 'metrics'], await store.text())).toBe('');
    await store.close();
    const exact = all.toSorted((a, b) => a - b)[Math.ceil(0.95 * all.length) - 1] ?? 0;
    const count = await until(async () => {
      const [found] = await query('sum(baton_run_active_seconds_count)');
      return found && Number(found.value[1]) === 5_000 ? found : undefined;
    });
    expect(count).toBeDefined();
    const [found] = await query('histogram_quantile(0.95, sum by (le) (baton_run_active_seconds_bucket))');
    const p95 = Number(found?.value[1]);
    console.log(
      `p95 by PromQL ${p95.toFixed(2)} s, exact ${exact.toFixed(2)} s, off ${((p95 / exact - 1) * 100).toFixed(2)} %`,
    );
    expect(Math.abs(p95 / exact - 1)).toBeLessThanOrEqual(PROMQL_ERROR);
    const agents = (await query('baton_runs_priced_total')).map(({ metric }) => metric['agent']);
    expect(new Set(agents)).toEqual(new Set(['A "1"', 'B\\', 'C\nD', '_other']));
    const [slow] = await query('baton_runs_slow_total');
    expect(Number(slow?.value[1])).toBe(all.filter((seconds) => seconds > 30).length);
    const up = await query('up == 1');
    expect(up).toHaveLength(1);
  });

  test('takes the exported rules', async () => {
    const file = join(folder, 'rules.yml');
    writeFileSync(file, prometheusRules());
    expect(check(['check', 'rules', file])).toContain('5 rules found');
    writeFileSync(join(targets, 'rules', 'baton.yml'), prometheusRules());
    await fetch(`${url}/-/reload`, { method: 'POST' });
    type Rules = { data: { groups: { rules: { name: string; health: string }[] }[] } };
    const rules = await until(async () => {
      const answer = (await (await fetch(`${url}/api/v1/rules`)).json()) as Rules;
      const found = answer.data.groups.flatMap((group) => group.rules);
      return found.length > 0 && found.every(({ health }) => health !== 'unknown') ? found : undefined;
    });
    expect(rules.map(({ health }) => health)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(rules).toHaveLength(DEFAULT_ALERT_RULES.length);
  });

  test('each of the five fires and resolves by them', () => {
    writeFileSync(join(folder, 'rules.yml'), prometheusRules());
    for (const interval of ['1m', '1h']) {
      const file = join(folder, `tests-${interval}.yml`);
      const tests = RULE_TESTS.filter((each) => each.interval === interval);
      // Rules over days are looked at by the hour: by the minute it takes promtool minutes.
      writeFileSync(file, JSON.stringify({ rule_files: ['rules.yml'], evaluation_interval: interval, tests }));
      expect(check(['test', 'rules', file])).toContain('SUCCESS');
    }
  });
});

// Series as promtool writes them: `start+step x times`, a value a minute or an hour.
type Series = { series: string; values: string };
type AlertTest = {
  eval_time: string;
  alertname: string;
  exp_alerts: { exp_labels?: object; exp_annotations?: object }[];
};

const SUMMARIES: Record<string, string> = {
  BatonTurnsPerSession: 'Turns grow: p95 above 10 and 2 times the past, or a run at 80 % of maxTurns.',
  BatonGuardrailTripRate: 'Guardrails trip in more than 5 % of sessions.',
  BatonHandoffSuccess: 'Fewer than 80 % of handoffs go well.',
  BatonCostPerRun: 'A run costs more than 1.25 times what it cost in the window before.',
  BatonSlowRuns: 'More than 5 % of runs take longer than 30 s.',
};
const at = (alertname: string, time: string, fires: boolean): AlertTest => ({
  eval_time: time,
  alertname,
  exp_alerts: fires
    ? [{ exp_labels: { severity: 'warning' }, exp_annotations: { summary: SUMMARIES[alertname] } }]
    : [],
});
const group = (interval: string, series: readonly Series[], tests: readonly AlertTest[]) => ({
  interval,
  input_series: series,
  alert_rule_test: tests,
});

const RULE_TESTS = [
  group(
    '1m',
    [
      { series: 'baton_sessions_total{instance="a"}', values: '0+10x300' },
      { series: 'baton_sessions_tripped_total{instance="a"}', values: '0+1x60 60+0x240' },
    ],
    [
      at('BatonGuardrailTripRate', '5m', false),
      at('BatonGuardrailTripRate', '30m', true),
      at('BatonGuardrailTripRate', '150m', false),
    ],
  ),
  group(
    '1m',
    [
      { series: 'baton_handoffs_total{instance="a"}', values: '0+2x60 120+200x240' },
      { series: 'baton_handoffs_good_total{instance="a"}', values: '0+1x60 60+200x240' },
    ],
    [at('BatonHandoffSuccess', '30m', true), at('BatonHandoffSuccess', '200m', false)],
  ),
  group(
    '1m',
    [
      // The first runs of an agent, all at once: its own series begins with them.
      { series: 'baton_runs_total{instance="a",agent="A",status="finished"}', values: '_x20 30+0x100' },
      { series: 'baton_run_wall_seconds_count{instance="a"}', values: '0+10x120' },
      { series: 'baton_runs_slow_total{instance="a"}', values: '0+0x20 0+2x20 40+0x80' },
      { series: 'baton_runs_active_slow{instance="a"}', values: '0x120' },
    ],
    [at('BatonSlowRuns', '15m', false), at('BatonSlowRuns', '35m', true), at('BatonSlowRuns', '60m', false)],
  ),
  group(
    '1h',
    [
      { series: 'baton_runs_near_max_turns_total{instance="a"}', values: '0+0x5 1+0x60' },
      { series: 'baton_sessions_total{instance="a"}', values: '0+1x70' },
    ],
    [
      at('BatonTurnsPerSession', '5h', false),
      at('BatonTurnsPerSession', '8h', true),
      at('BatonTurnsPerSession', '40h', false),
    ],
  ),
  group(
    '1h',
    [
      { series: 'baton_runs_near_max_turns_total{instance="a"}', values: '0x300' },
      { series: 'baton_sessions_total{instance="a"}', values: '0+10x300' },
      { series: 'baton_run_turns_bucket{instance="a",le="4"}', values: '0+10x192 1920+0x24 1920+10x100' },
      { series: 'baton_run_turns_bucket{instance="a",le="16"}', values: '0+10x300' },
      { series: 'baton_run_turns_bucket{instance="a",le="+Inf"}', values: '0+10x300' },
    ],
    [
      at('BatonTurnsPerSession', '190h', false),
      at('BatonTurnsPerSession', '214h', true),
      at('BatonTurnsPerSession', '260h', false),
    ],
  ),
  group(
    '1h',
    [
      { series: 'baton_runs_total{instance="a",agent="A",status="finished"}', values: '0+10x800' },
      { series: 'baton_runs_priced_total{instance="a",agent="A"}', values: '0+10x800' },
      { series: 'baton_run_cost_usd_total{instance="a",agent="A"}', values: '0+1x200 200+2x168 536+1x400' },
    ],
    [at('BatonCostPerRun', '195h', false), at('BatonCostPerRun', '340h', true), at('BatonCostPerRun', '720h', false)],
  ),
];
