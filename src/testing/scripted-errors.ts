/**
 * What a scripted model throws when the script and the run do not fit together.
 *
 * These are for tests, so they extend `Error` and not the SDK's base class: a run that handles the SDK's errors
 * must not swallow a broken test.
 */

const nth = (index: number): string => `call #${index + 1}`;
const mode = (streamed: boolean): string => (streamed ? 'streaming' : 'non-streaming');

/** The model was called, and the script had no step left. */
export class UnexpectedModelCallError extends Error {
  readonly code = 'testing/unexpected-model-call';
  /** The zero-based position of the call in `ScriptedModel.calls`. */
  readonly callIndex: number;
  readonly streamed: boolean;
  constructor(call: { readonly index: number; readonly streamed: boolean }) {
    super(
      `The run made ${mode(call.streamed)} ${nth(call.index)} and the script has no steps left. ` +
        'Add a step for it, or find out why the run did not end before.',
    );
    this.name = 'UnexpectedModelCallError';
    this.callIndex = call.index;
    this.streamed = call.streamed;
  }
}

/** The test ended, and the script still had steps. */
export class UnconsumedModelStepsError extends Error {
  readonly code = 'testing/unconsumed-model-steps';
  readonly remainingSteps: number;
  constructor(remainingSteps: number) {
    super(
      `${remainingSteps} scripted ${remainingSteps === 1 ? 'step was' : 'steps were'} never asked for. ` +
        'Remove them, or find out why the run ended early.',
    );
    this.name = 'UnconsumedModelStepsError';
    this.remainingSteps = remainingSteps;
  }
}

/** Why a step is invalid. */
export type InvalidScriptedModelStepReason =
  | 'invalid_input'
  | 'unknown_step_type'
  | 'missing_response'
  | 'invalid_response'
  | 'missing_error'
  | 'missing_responder'
  | 'invalid_stream'
  | 'incompatible_call';

/** A step, or what a responder returned, is not what a model can answer. */
export class InvalidScriptedModelStepError extends Error {
  readonly code = 'testing/invalid-model-step';
  readonly reason: InvalidScriptedModelStepReason;
  /** The zero-based position in the arguments of the constructor or of `enqueue()`. */
  readonly inputIndex?: number;
  /** The zero-based position of the call in `ScriptedModel.calls`. */
  readonly callIndex?: number;
  readonly stepType?: string;
  constructor(options: {
    reason: InvalidScriptedModelStepReason;
    message: string;
    inputIndex?: number;
    callIndex?: number;
    stepType?: string;
  }) {
    super(options.message);
    this.name = 'InvalidScriptedModelStepError';
    this.reason = options.reason;
    this.inputIndex = options.inputIndex;
    this.callIndex = options.callIndex;
    this.stepType = options.stepType;
  }
}

/** The request's signal was aborted. Its `name` is `AbortError`, as that of every abort. */
export class ScriptedModelRequestAbortedError extends Error {
  readonly code = 'testing/request-aborted';
  /** The zero-based position of the call in `ScriptedModel.calls`; absent if it was aborted before it was made. */
  readonly callIndex?: number;
  constructor(callIndex?: number) {
    super(
      callIndex === undefined
        ? 'The request was aborted before the model was called.'
        : `Model ${nth(callIndex)} was aborted.`,
    );
    this.name = 'AbortError';
    this.callIndex = callIndex;
  }
}
