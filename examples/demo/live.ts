/** Shows a run while it goes on: agents, handoffs, tools, sub-agents, and the text as it is written. */
import type { RunItem, RunStreamEvent } from '@baton/agents';
import type { Screen } from './screen.ts';

export type Live = {
  event(event: RunStreamEvent): void;
  /** Which agent is at work, where no event says so: at the start. */
  agent(name: string): void;
  /** Whether an agent has said anything yet. */
  said(): boolean;
};

export function showLive(screen: Screen): Live {
  const { paint } = screen;
  /** Names of the agents at work: that of the run, and below it that of a sub-agent. */
  const working: string[] = [];
  let said = false;
  const bars = (depth: number): string => `  ${paint('dim', '│ ').repeat(depth)}`;
  const enter = (name: string, depth: number): void => {
    working.length = depth + 1;
    working[depth] = name;
    screen.gutter(bars(depth));
    screen.line(paint('cyan', '●'), name);
    screen.gutter(bars(depth + 1));
    screen.busy(`${name} thinks`);
  };
  const leave = (depth: number): void => {
    working.length = depth + 1;
    screen.gutter(bars(depth + 1));
  };
  const show = (event: RunStreamEvent, depth: number): void => {
    switch (event.type) {
      case 'raw_model_stream_event':
        if (event.data.type !== 'output_text_delta') return;
        said = true;
        return screen.text(event.data.delta);
      case 'agent_updated_stream_event':
        return enter(event.agent.name, depth);
      case 'agent_tool_stream_event':
        if (working[depth + 1] !== event.agent.name) enter(event.agent.name, depth + 1);
        return show(event.event, depth + 1);
      case 'run_item_stream_event':
        if (depth + 1 < working.length) leave(depth);
        return showItem(screen, event.item, working[depth] ?? '');
    }
  };
  return { event: (event) => show(event, 0), agent: (name) => enter(name, 0), said: () => said };
}

function showItem(screen: Screen, item: RunItem, agent: string): void {
  const { paint } = screen;
  switch (item.type) {
    case 'handoff_call_item':
      return;
    case 'handoff_output_item':
      return screen.line(`${paint('magenta', '↪')} hands over to`, item.targetAgent.name);
    case 'tool_call_item': {
      const { rawItem } = item;
      const args = 'arguments' in rawItem && typeof rawItem.arguments === 'string' ? rawItem.arguments : '';
      screen.line(`${paint('yellow', '⚙')} ${paint('bold', item.toolName ?? 'tool')}`, args);
      return screen.busy(`${item.toolName} runs`);
    }
    case 'tool_call_output_item': {
      const { output } = item;
      screen.line(`${paint('dim', '  ↳')}`, typeof output === 'string' ? output : JSON.stringify(output));
      return screen.busy(`${agent} thinks`);
    }
    case 'message_output_item':
      return screen.rest();
    default:
      return;
  }
}
