/**
 * Handoffs of one run, and what became of each.
 *
 * A handoff went well where the agent changed, its target got at least one accepted reply, the run finished, and the
 * target did not hand straight back: with its first reply, and without a call of a tool.
 */
import type { EventOf, State } from '../../kernel/index.ts';

type Step = { id: string; from: string; to: string; changed: boolean; replied: boolean; bounced: boolean };

export type HandoffTrail = { readonly steps: Step[]; current: Step | undefined };

export const newTrail = (): HandoffTrail => ({ steps: [], current: undefined });

/** A reply was accepted: what it hands over, and to whom the last handoff led. */
export function replyAccepted(trail: HandoffTrail, { k, ignored = [] }: EventOf<'reply.accepted'>, state: State): void {
  const calls = state.calls.filter(({ i }) => !ignored.includes(i));
  const made = calls.filter(({ kind }) => kind === 'handoff');
  const { current } = trail;
  if (current && !current.replied) {
    current.replied = true;
    current.bounced = calls.length === made.length && made.some(({ to }) => to === current.from);
  }
  for (const { i, to } of made) {
    const step = { id: `m${k}/c${i}`, from: state.agent, to, changed: false, replied: false, bounced: false };
    trail.steps.push(step);
  }
}

/** The agent changed. */
export function handedOver(trail: HandoffTrail, id: string): void {
  const step = trail.steps.find((each) => each.id === id);
  if (step) step.changed = true;
  trail.current = step;
}

/** Whether each handoff went well, but for whether the run finished. */
export const outcomesOf = ({ steps }: HandoffTrail): boolean[] =>
  steps.map(({ changed, replied, bounced }) => changed && replied && !bounced);
