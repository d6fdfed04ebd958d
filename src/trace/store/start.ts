/** What is loaded when the first run begins and nobody has said where traces go: they go into the local store. */
import { getGlobalTraceProvider } from '../provider.ts';
import { TraceStoreProcessor } from './processor.ts';

export function start(): void {
  getGlobalTraceProvider().registerProcessor(new TraceStoreProcessor());
}
