/** Parts that many scenarios use. */
import type { AnyAgent, AnyResult, AnyState, Kit } from '../kit.ts';

/** A call of a function tool by the model. */
export const call = (kit: Kit, name: string, callId = `call-${name}`, args: string | Record<string, unknown> = {}) =>
  kit.testing.functionCall(name, args, { callId });

/** A text message of the model. */
export const say = (kit: Kit, text: string) => kit.testing.assistantMessage(text);

/** A complete response with usage, so that sums show. */
export const counted = (kit: Kit, responseId: string, output: (ReturnType<typeof call> | ReturnType<typeof say>)[]) =>
  kit.testing.modelResponse({
    output,
    responseId,
    usage: new kit.sdk.Usage({ requests: 1, inputTokens: 10, outputTokens: 2, totalTokens: 12 }),
  });

/** A promise that the scenario settles itself. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: unknown) => void } {
  let open: (value: T) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Lets everything that is ready run. */
export const settle = (ms = 5): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Resolves after `ms`, or rejects with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

/** A that may pay (asks) and look (does not). */
export const payer = (
  kit: Kit,
  replies: (ReturnType<typeof call> | ReturnType<typeof say>)[][],
  more: Record<string, unknown> = {},
) =>
  kit.agent({
    name: 'A',
    model: kit.model(replies),
    tools: [kit.tool('pay', 'paid', { needsApproval: true }), kit.tool('look')],
    ...more,
  });

export const payTwice = (kit: Kit) =>
  payer(kit, [[call(kit, 'pay', 'p1', { n: 1 }), call(kit, 'pay', 'p2', { n: 2 })], [say(kit, 'Done')]]);

export const approveAll = (result: AnyResult): AnyState => {
  for (const asked of result.state.getInterruptions()) result.state.approve(asked);
  return result.state;
};

export const reread = (kit: Kit, agent: AnyAgent, state: AnyState): Promise<AnyState> =>
  kit.sdk.RunState.fromString<unknown, AnyAgent>(agent, state.toString());
