/**
 * Prints traces: `node test/differential/record.ts <published|ours> <part of a name> [--json|--full|--names]`.
 * Without a flag items are abbreviated and each line of the log, each event and each field of a result is one line.
 */
import { casesOf, loadSide, play } from './harness.ts';
import type { Json } from './normalise.ts';
import { scenarios } from './scenarios/index.ts';

const [side, part = '', flag] = process.argv.slice(2);
if (side !== 'published' && side !== 'ours') {
  console.error('Usage: node test/differential/record.ts <published|ours> <part of a name> [--json|--full|--names]');
  process.exit(2);
}
process.env['NODE_ENV'] = 'test';

const textOf = (content: Json | undefined): string => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return JSON.stringify(content ?? null);
  return content
    .map((part) => (part instanceof Object && 'text' in part ? String(part.text) : JSON.stringify(part)))
    .join('|');
};

/** Wire items as short text, everything else as it is. */
function brief(value: Json): Json {
  if (Array.isArray(value)) return value.map(brief);
  if (value === null || typeof value !== 'object') return value;
  const { type, role, id, status } = value;
  const suffix = (id === undefined ? '' : ` id=${String(id)}`) + (status === undefined ? '' : ` ${String(status)}`);
  if (typeof role === 'string') return `${role}<${textOf(value['content'])}>${suffix}`;
  const name = `${String(value['name'])}#${String(value['callId'])}`;
  if (type === 'function_call') return `call<${name} ${String(value['arguments'])}>${suffix}`;
  if (type === 'function_call_result') {
    const output = value['output'];
    const text = output instanceof Object && 'text' in output ? output.text : output;
    return `result<${name} ${JSON.stringify(text)}>${suffix}`;
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, brief(entry)]));
}

const line = (value: Json): string => JSON.stringify(flag === '--full' ? value : brief(value)).replaceAll('\\"', "'");
const entries = (value: Json): [string, Json][] => (value instanceof Object ? Object.entries(value) : []);

const cases = casesOf(scenarios).filter(({ id }) => id.includes(part));
const loaded = flag === '--names' ? undefined : await loadSide(side);
for (const one of cases) {
  console.log(`\n# ${one.id}`);
  if (loaded === undefined) continue;
  const trace = await play(one, loaded);
  if (flag === '--json') {
    console.log(JSON.stringify(trace));
    continue;
  }
  for (const [, entry] of entries(trace.log)) console.log('  ', line(entry));
  for (const [, run] of entries(trace.runs)) {
    for (const [what, fields] of entries(run)) {
      if (fields instanceof Object)
        for (const [name, field] of entries(fields)) console.log(`   => ${what}.${name}`, line(field));
      else console.log(`   => ${what}`, line(fields));
    }
  }
  for (const [, events] of entries(trace.events)) {
    console.log('   -- stream');
    for (const [, event] of entries(events)) console.log('   ~', line(event));
  }
  if (trace.console !== undefined) console.log('   console', line(trace.console));
}
