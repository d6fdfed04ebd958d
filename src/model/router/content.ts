/**
 * Whether a stream event shows something of an answer. Until then an attempt can be dropped without a trace.
 *
 * Adapters pass their provider's own events on; of these only the ones that surely say nothing are held back: what is
 * not known counts as content.
 */
import type { StreamEvent } from '../../protocol/model.ts';

const SILENT = new Set([
  // Responses
  'response.created',
  'response.in_progress',
  'response.queued',
  'response.output_item.added',
  'response.content_part.added',
  'response.reasoning_summary_part.added',
  'keepalive',
  // What ends in an error anyway
  'response.failed',
  'response.incomplete',
  'error',
  // Messages
  'message_start',
  'content_block_start',
  'ping',
  // AI SDK
  'stream-start',
  'response-metadata',
  'text-start',
  'reasoning-start',
  'tool-input-start',
]);

/** @param holdRefusals whether words of a refusal are to be held back too: another target may be asked instead */
export function showsContent(event: StreamEvent, holdRefusals: boolean): boolean {
  switch (event.type) {
    case 'response_started':
      return false;
    case 'output_text_delta':
      return event.delta !== '';
    case 'response_done':
      return true;
    case 'model':
      return rawShowsContent(event.event, holdRefusals);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function rawShowsContent(event: unknown, holdRefusals: boolean): boolean {
  if (!isObject(event)) return true;
  const { type, choices } = event;
  if (typeof type === 'string') return !SILENT.has(type) && !(holdRefusals && type.startsWith('response.refusal.'));
  if (!Array.isArray(choices)) return true;
  return choices.some((choice: unknown) => isObject(choice) && chunkShowsContent(choice['delta'], holdRefusals));
}

/** A chunk of Chat Completions: the first one only says whose turn it is. */
function chunkShowsContent(delta: unknown, holdRefusals: boolean): boolean {
  if (!isObject(delta)) return false;
  for (const key of Object.keys(delta)) {
    const value = delta[key];
    if (key === 'role' || value === null || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    if (!(holdRefusals && key === 'refusal')) return true;
  }
  return false;
}
