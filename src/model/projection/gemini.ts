/** What only Gemini minds: a signature on the first call of each step of the current turn. */
import { isModelSide, type Context, type Entry } from './target.ts';

/** What Google documents for calls that another model made. */
const SENTINEL = 'skip_thought_signature_validator';

/** Marks the first call of each step since the user's last message, where it has no signature of its own. */
export function withSentinels(entries: readonly Entry[], { target }: Context): Entry[] {
  if (target.wire !== 'gemini') return [...entries];
  const start = turnStart(entries);
  let stepHasCall = false;
  return entries.map((entry, at) => {
    const { item, index } = entry;
    if (!isModelSide(item)) stepHasCall = false;
    if (at <= start || item.type !== 'function_call') return entry;
    const first = !stepHasCall;
    stepHasCall = true;
    const google = item.providerData?.['google'] ?? item.providerData?.['vertex'];
    if (!first || (typeof google === 'object' && google !== null && 'thoughtSignature' in google)) return entry;
    return { item: { ...item, providerData: { ...item.providerData, google: { thoughtSignature: SENTINEL } } }, index };
  });
}

/** Where the user last spoke. What comes right behind results goes into one turn with them, and begins none. */
function turnStart(entries: readonly Entry[]): number {
  return entries.findLastIndex(({ item }, at) => {
    if (!('role' in item) || item.role !== 'user') return false;
    const before = entries.slice(0, at).findLast((entry) => !('role' in entry.item) || entry.item.role !== 'user');
    return before?.item.type !== 'function_call_result';
  });
}
