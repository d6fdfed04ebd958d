/**
 * The rules as a rule file of Prometheus, over what `metricsText()` tells.
 *
 * Where processes are many, or none is there to look, Prometheus and its Alertmanager do. What it sees is near: a
 * session counts at its first run and its first trip in a process, and turns are those of runs.
 */
import { type AlertRule, checkRules, DEFAULT_ALERT_RULES } from './rules.ts';

/**
 * A rule file in YAML. The limit for slow runs is that of `enableMetrics`.
 *
 * @throws UserError where a rule cannot work
 */
export function prometheusRules(rules: readonly AlertRule[] = DEFAULT_ALERT_RULES): string {
  checkRules(rules);
  const lines = ['groups:', '  - name: baton', '    rules:'];
  for (const rule of rules) {
    lines.push(
      `      - alert: ${JSON.stringify(nameOf(rule.id))}`,
      `        expr: ${JSON.stringify(expressionOf(rule))}`,
      `        for: ${seconds(rule.forMs)}`,
      '        labels:',
      `          severity: ${rule.severity ?? 'warning'}`,
      '        annotations:',
      `          summary: ${JSON.stringify(summaryOf(rule))}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** `guardrail-trip-rate` is `BatonGuardrailTripRate`. */
const nameOf = (id: string): string =>
  `Baton${id
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')}`;

const seconds = (ms: number): string => `${Math.round(ms / 1000)}s`;

const grown = (counter: string, windowMs: number, before = 0): string =>
  `sum(increase(${counter}[${seconds(windowMs)}]${before > 0 ? ` offset ${seconds(before)}` : ''}))`;

function expressionOf(rule: AlertRule): string {
  const { windowMs, minSamples } = rule;
  switch (rule.metric) {
    case 'turns-per-session': {
      const { baselineMs, above, factor } = rule;
      const p95 = (window: number, before: number): string =>
        `histogram_quantile(0.95, sum by (le) (increase(baton_run_turns_bucket[${seconds(window)}]${before > 0 ? ` offset ${seconds(before)}` : ''})))`;
      const now = p95(windowMs, 0);
      return (
        `${grown('baton_runs_near_max_turns_total', windowMs)} > 0 or (${now} > ${above} ` +
        `and ${now} > ${factor} * ${p95(baselineMs, windowMs)} ` +
        `and ${grown('baton_sessions_total', windowMs)} >= ${minSamples} ` +
        `and ${grown('baton_sessions_total', baselineMs, windowMs)} >= ${minSamples})`
      );
    }
    case 'guardrail-trip-rate': {
      const sessions = grown('baton_sessions_total', windowMs);
      return `${grown('baton_sessions_tripped_total', windowMs)} / ${sessions} > ${rule.above} and ${sessions} >= ${minSamples}`;
    }
    case 'handoff-success': {
      const handoffs = grown('baton_handoffs_total', windowMs);
      return `${grown('baton_handoffs_good_total', windowMs)} / ${handoffs} < ${rule.below} and ${handoffs} >= ${minSamples}`;
    }
    case 'cost-per-run': {
      const priced = (before: number): string => grown('baton_runs_priced_total', windowMs, before);
      const mean = (before: number): string =>
        `${grown('baton_run_cost_usd_total', windowMs, before)} / ${priced(before)}`;
      const known = (before: number): string =>
        `${priced(before)} >= ${minSamples} and ${priced(before)} / ${grown('baton_runs_total', windowMs, before)} >= ${rule.minCoverage}`;
      return `${mean(0)} > ${rule.factor} * (${mean(windowMs)}) and ${known(0)} and ${known(windowMs)}`;
    }
    case 'slow-runs': {
      const active = 'sum(baton_runs_active_slow)';
      // Not the runs by agent: such a series begins at its first value, which `increase` takes for no increase.
      const all = `(${grown('baton_run_wall_seconds_count', windowMs)} + ${active})`;
      return `(${grown('baton_runs_slow_total', windowMs)} + ${active}) / ${all} > ${rule.above} and ${all} >= ${minSamples}`;
    }
  }
}

function summaryOf(rule: AlertRule): string {
  switch (rule.metric) {
    case 'turns-per-session':
      return `Turns grow: p95 above ${rule.above} and ${rule.factor} times the past, or a run at 80 % of maxTurns.`;
    case 'guardrail-trip-rate':
      return `Guardrails trip in more than ${rule.above * 100} % of sessions.`;
    case 'handoff-success':
      return `Fewer than ${rule.below * 100} % of handoffs go well.`;
    case 'cost-per-run':
      return `A run costs more than ${rule.factor} times what it cost in the window before.`;
    case 'slow-runs':
      return `More than ${rule.above * 100} % of runs take longer than ${rule.slowMs / 1000} s.`;
  }
}
