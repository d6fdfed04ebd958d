/** A processor that only keeps segments: what `keep` gives hears of each. */
import { type KeepsSegments, KEEPS_SEGMENTS, type KeptSegment, type SegmentKeeper } from './segment-log.ts';
import type { TracingProcessor } from './types.ts';

const nothing = async (): Promise<void> => undefined;

export const keeping = (keep: (kept: KeptSegment) => SegmentKeeper): TracingProcessor & KeepsSegments => ({
  onTraceStart: nothing,
  onTraceEnd: nothing,
  onSpanStart: nothing,
  onSpanEnd: nothing,
  shutdown: nothing,
  forceFlush: nothing,
  [KEEPS_SEGMENTS]: keep,
});
