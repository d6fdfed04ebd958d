/** Whose words a model keeps that keeps them: see `Model.keepsRequests`. */
import type { KeptFor } from '../../protocol/model.ts';
import type { LiveRun } from '../live-run.ts';

export async function keptFor({ record, settings, surroundings }: LiveRun): Promise<KeptFor> {
  const sessionId = await settings.session?.getSessionId();
  return {
    // The id of another run is a random one, by which nobody finds it again.
    ...(surroundings.durable && { runId: record.journal.runId }),
    ...(sessionId !== undefined && { sessionId }),
  };
}
