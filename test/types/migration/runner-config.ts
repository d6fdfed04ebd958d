import {
  Agent,
  AgentsError,
  type CallModelInputFilter,
  MaxTurnsExceededError,
  ModelBehaviorError,
  OpenAIProvider,
  retryPolicies,
  run,
  type RunConfig,
  Runner,
  setDefaultOpenAIKey,
  setOpenAIAPI,
  ToolCallError,
  type ToolErrorFormatter,
  UserError,
} from '@openai/agents';
import { z } from 'zod';

const Plan = z.object({ steps: z.array(z.string()) });
const planner = new Agent({ name: 'Planner', instructions: 'Plan.', outputType: Plan });
const writer = new Agent({ name: 'Writer', instructions: 'Write.' });

const trim: CallModelInputFilter = async ({ modelData, agent }) => ({
  instructions: `${modelData.instructions ?? ''}\nYou are ${agent.name}.`,
  input: modelData.input.slice(-10),
});
const formatter: ToolErrorFormatter = ({ kind, toolName, defaultMessage }) =>
  kind === 'approval_rejected' ? `${toolName} was refused.` : defaultMessage;

export const config: Partial<RunConfig> = {
  model: 'gpt-5.4',
  modelProvider: new OpenAIProvider({ apiKey: 'test', baseURL: 'http://localhost:1', useResponses: false }),
  modelSettings: {
    topP: 0.9,
    toolChoice: 'auto',
    truncation: 'auto',
    store: false,
    text: { verbosity: 'low' },
    providerData: { user: 'u1' },
    retry: {
      maxRetries: 3,
      backoff: { initialDelayMs: 100, jitter: false },
      policy: retryPolicies.any(retryPolicies.networkError(), retryPolicies.httpStatus([429, 503])),
    },
  },
  workflowName: 'Planning',
  groupId: 'g1',
  handoffInputFilter: (data) => data,
  toolExecution: { maxFunctionToolConcurrency: 4 },
  toolNotFoundBehavior: 'return_error_to_model',
  callModelInputFilter: trim,
  toolErrorFormatter: formatter,
  reasoningItemIdPolicy: 'omit',
};

export async function main(): Promise<void> {
  setDefaultOpenAIKey('test');
  setOpenAIAPI('chat_completions');
  const runner = new Runner(config);
  console.log(runner.config.workflowName);
  const plan = await runner.run(planner, 'Plan a party.', {
    maxTurns: null,
    errorHandlers: {
      maxTurns: ({ runData, error }) => ({
        finalOutput: { steps: [`stopped after ${runData.newItems.length} items: ${error.message}`] },
        includeInHistory: false,
      }),
      default: () => undefined,
    },
  });
  for (const step of plan.finalOutput?.steps ?? []) {
    const { finalOutput } = await runner.run(writer, step, {
      context: { tenant: 'x' },
      errorHandlers: { modelRefusal: async ({ context }) => ({ finalOutput: `refused ${context.context.tenant}` }) },
    });
    console.log(finalOutput?.toUpperCase());
  }
  try {
    await run(writer, 'Write.', { maxTurns: 1, callModelInputFilter: trim });
  } catch (error) {
    if (error instanceof MaxTurnsExceededError && error.state)
      console.log(error.state.history.length, error.state.usage);
    else if (error instanceof ToolCallError) console.log(error.error.message);
    else if (error instanceof ModelBehaviorError || error instanceof UserError) console.log(error.message);
    else if (error instanceof AgentsError) console.log(error.name);
    else throw error;
  }
}
