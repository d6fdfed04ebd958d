/**
 * Errors as spans tell them. Where content is off only their class is told: messages quote what users and tools said.
 */
import type { ErrorInfo } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import { hasContent, type Reading } from './reading.ts';
import type { SpanError } from './types.ts';

type Form = 'text' | 'message' | 'inner' | 'inner message';

/** `text`: class and message. `inner`: of the error that this one tells of. */
export function errorOf(r: Reading, error: ErrorInfo, form: Form): string {
  const told = form.startsWith('inner') ? innerOf(error) : error;
  if (!hasContent(r)) return told.name;
  return form.endsWith('message') ? told.message : `${told.name}: ${told.message}`;
}

/** What ended a run, on its task, agent and turn. */
export const runError = (r: Reading, error: ErrorInfo): SpanError => ({
  message: 'Error in agent run',
  data: { error: errorOf(r, error, 'text') },
});

function innerOf(error: ErrorInfo): Pick<ErrorInfo, 'name' | 'message'> {
  const inner = field(error.data, 'error');
  const [name, message] = [field(inner, 'name'), field(inner, 'message')];
  return typeof name === 'string' && typeof message === 'string' ? { name, message } : error;
}

const field = (value: Json | undefined, key: string): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined;
