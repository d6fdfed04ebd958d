/**
 * Prometheus' text format, version 0.0.4.
 */
import { type Distribution, lowerEdge } from './buckets.ts';

/** What a scraper is told of the format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;
export type Sample = { readonly labels: Labels; readonly value: number };
export type Family =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly { readonly labels: Labels; readonly value: Distribution }[];
    };

/**
 * Edges of histograms in seconds: every second edge of the buckets, from 16 ms to 4,096 s. What PromQL interpolates
 * between two of them is at most 18.93 % (2^(1/4) - 1) off a value of the rank asked for.
 */
const STEP = 2;
const FIRST = -48;
const LAST = 96;
export const PROMQL_ERROR = 2 ** (STEP / 8) - 1;

export function textOf(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const family of families) {
    const { name, help, type } = family;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    if (family.type === 'histogram') {
      for (const { labels, value } of family.samples) lines.push(...histogram(name, labels, value));
    } else {
      for (const { labels, value } of family.samples) lines.push(`${name}${written(labels)} ${numeral(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function histogram(name: string, labels: Labels, value: Distribution): string[] {
  const lines: string[] = [];
  const used = [...value.buckets.keys()].toSorted((a, b) => a - b);
  let count = value.zeros;
  let next = 0;
  for (let edge = FIRST; edge <= LAST; edge += STEP) {
    // A bucket ends where the next begins.
    for (let bucket = used[next]; bucket !== undefined && bucket < edge; bucket = used[next]) {
      count += value.buckets.get(bucket) ?? 0;
      next += 1;
    }
    lines.push(`${name}_bucket${written({ ...labels, le: numeral(lowerEdge(edge)) })} ${count}`);
  }
  lines.push(`${name}_bucket${written({ ...labels, le: '+Inf' })} ${value.count}`);
  lines.push(`${name}_sum${written(labels)} ${numeral(value.sum)}`, `${name}_count${written(labels)} ${value.count}`);
  return lines;
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (value: string): string =>
  value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD');

/** Twelve digits: what sums of fractions add in noise is left out. */
const numeral = (value: number): string => (Number.isInteger(value) ? String(value) : String(+value.toPrecision(12)));
