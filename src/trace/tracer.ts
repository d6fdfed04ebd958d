/**
 * Who traces runs while they live. Where somebody listens to spans, they are made as the run goes; where all who listen
 * keep segments, a run's own are only derived when they are asked for.
 */
import type { Segment } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import { currentPlace, type Place } from './context.ts';
import { hidingObserver } from './hidden.ts';
import { newSegmentId } from './ids.ts';
import { KeptObserver } from './kept-observer.ts';
import { complain, type Link } from './link.ts';
import { LiveObserver } from './live-observer.ts';
import type { MultiTracingProcessor } from './processor.ts';
import type { RunObserver, RunTracer, TracedRun, TraceSettings } from './run-tracer.ts';
import { runOf } from './span.ts';
import { DEFAULT_NAME, NoopTrace, Trace } from './trace.ts';

type Means = { listener: MultiTracingProcessor; ids: { generateTraceId(): string } };

/** Traces runs to these listeners. */
export const tracerFor = (means: Means): RunTracer => ({
  hide: hidingObserver,
  observe(run) {
    try {
      const link = linkOf(run, means);
      return link && observer(run, link, means.listener);
    } catch (error) {
      complain(run.runId, error);
      return undefined;
    }
  },
});

/**
 * What went on before is not in the entries of a segment, and what may not be kept is in its events: such segments are
 * told in spans, and so are those within them.
 */
function observer(run: TracedRun, link: Link, listener: MultiTracingProcessor): RunObserver {
  const { keepers } = listener;
  const isWhole = run.earlier.length === 0 && !run.base && run.settings.content;
  const isKept = isWhole && !(run.parent?.observer instanceof LiveObserver);
  return keepers && isKept ? new KeptObserver(run, link, keepers) : new LiveObserver(run, link, listener);
}

type Trail = NonNullable<Segment['trace']>;

function linkOf(run: TracedRun, means: Means): Link | undefined {
  const { parent, settings } = run;
  if (parent) return isOurs(parent.observer) ? linkToCall(run, parent.observer) : undefined;
  const place = currentPlace();
  if (place?.trace instanceof NoopTrace) return undefined;
  const earlier = run.state.segment?.trace;
  if (earlier) return linkToEarlier(earlier, { place, settings, means });
  const flags = flagsOf(settings);
  const name = settings.workflowName ?? DEFAULT_NAME;
  if (place) {
    const { trace, span } = place;
    const parentId = span && { parentId: span.spanId };
    const trail: Trail = { traceId: trace.traceId, ...parentId, name, ...metadataOf(trace.metadata), ...flags };
    return { segment: segmentOf({ ...trail, outer: true }), trace, own: false, parentRunId: span && runOf(span) };
  }
  const { traceId = means.ids.generateTraceId(), groupId, traceMetadata } = settings;
  const group = groupId === undefined ? {} : { groupId };
  const trail: Trail = { traceId, name, ...group, ...metadataOf(traceMetadata), ...flags };
  return { segment: segmentOf(trail), trace: traceOf(trail, settings, means), own: true };
}

/** A sub-agent's run is under the span of its call, in the trace of its caller. */
function linkToCall({ parent, settings }: TracedRun, caller: LiveObserver | KeptObserver): Link {
  const { trace, segment, runId } = caller;
  const parentId = caller.spanIdOf(parent?.effectId ?? '');
  const { metadata, omitsTaskAndTurn } = segment.trace ?? {};
  const isFlat = omitsTaskAndTurn && settings.tracing?.includeTaskAndTurnSpans === undefined;
  const trail: Trail = {
    traceId: trace.traceId,
    ...(parentId !== undefined && { parentId }),
    name: settings.workflowName ?? DEFAULT_NAME,
    ...(metadata && { metadata }),
    ...flagsOf(settings),
    ...(isFlat && { omitsTaskAndTurn }),
    outer: true,
  };
  return { segment: segmentOf(trail), trace, own: false, parentRunId: runId };
}

const isOurs = (observer: RunObserver): observer is LiveObserver | KeptObserver =>
  observer instanceof LiveObserver || observer instanceof KeptObserver;

type Again = { place: Place | undefined; settings: TraceSettings; means: Means };

/** A run that goes on stays in its trace; under the current span where that is of the same trace. */
function linkToEarlier(earlier: Trail, { place, settings, means }: Again): Link {
  const { omitsContent: _, omitsTaskAndTurn: __, outer, ...kept } = earlier;
  const trail: Trail = { ...kept, ...flagsOf(settings), ...(outer && { outer }) };
  if (!place || place.trace.traceId !== earlier.traceId) {
    return { segment: segmentOf(trail), trace: traceOf(trail, settings, means), own: outer !== true };
  }
  const { parentId: ___, ...rest } = trail;
  const parentId = place.span && { parentId: place.span.spanId };
  return { segment: segmentOf({ ...rest, ...parentId, outer: true }), trace: place.trace, own: false };
}

const segmentOf = (trace: Trail): Segment => ({ id: newSegmentId(), trace });

function traceOf({ traceId, name, groupId, metadata }: Trail, settings: TraceSettings, { listener }: Means): Trace {
  const key = settings.tracing?.apiKey;
  return new Trace(
    {
      traceId,
      ...(name !== undefined && { name }),
      ...(groupId !== undefined && { groupId }),
      ...(metadata && { metadata }),
      ...(key !== undefined && { tracingApiKey: key }),
    },
    listener,
  );
}

const flagsOf = ({ content, tracing }: TraceSettings): Pick<Trail, 'omitsContent' | 'omitsTaskAndTurn'> => ({
  ...(!content && { omitsContent: true }),
  ...(tracing?.includeTaskAndTurnSpans === false && { omitsTaskAndTurn: true }),
});

/** Metadata as the log can hold it. */
function metadataOf(metadata: Record<string, unknown> | undefined): Pick<Trail, 'metadata'> {
  if (!metadata || Object.keys(metadata).length === 0) return {};
  try {
    return { metadata: JSON.parse(JSON.stringify(metadata)) as { [key: string]: Json } };
  } catch {
    // Cyclic, or a bigint: the log goes without.
    return {};
  }
}
