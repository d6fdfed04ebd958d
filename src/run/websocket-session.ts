/** Runs whose model calls share WebSocket connections, closed at the end. */
import {
  OpenAIProvider,
  type OpenAIProviderOptions,
  type ResponsesWebSocketOptions,
} from '../providers/openai/index.ts';
import type { RunConfig } from './options.ts';
import { Runner } from './run.ts';

export type ResponsesWebSocketSessionOptions = {
  /** Of the provider that finds the models. */
  providerOptions?: OpenAIProviderOptions;
  responsesWebSocketOptions?: ResponsesWebSocketOptions;
  /** Of the runner; its provider is the session's. */
  runnerConfig?: Omit<Partial<RunConfig>, 'modelProvider'>;
};

export type ResponsesWebSocketSession = {
  provider: OpenAIProvider;
  runner: Runner;
  /** `runner.run`, bound. */
  run: Runner['run'];
};

/**
 * Runs agents on OpenAI's Responses API over WebSockets, and closes the connections at the end.
 *
 * @example
 * ```ts no-run
 * import { Agent, withResponsesWebSocketSession } from '@baton/agents';
 *
 * const agent = new Agent({ name: 'Coder', instructions: 'Fix the build.' });
 * await withResponsesWebSocketSession(async ({ run }) => {
 *   console.log((await run(agent, 'Why does it fail?')).finalOutput);
 * });
 * ```
 */
export async function withResponsesWebSocketSession<T>(
  callback: (session: ResponsesWebSocketSession) => Promise<T> | T,
  { providerOptions, responsesWebSocketOptions, runnerConfig }: ResponsesWebSocketSessionOptions = {},
): Promise<T> {
  const provider = new OpenAIProvider({
    ...providerOptions,
    useResponses: true,
    useResponsesWebSocket: true,
    ...(responsesWebSocketOptions && { responsesWebSocketOptions }),
  });
  const runner = new Runner({ ...runnerConfig, modelProvider: provider });
  try {
    return await callback({ provider, runner, run: runner.run.bind(runner) });
  } finally {
    await provider.close();
  }
}
