/** What a session holds before a run begins. */
import type { AgentInputItem } from '../../src/index.ts';

export const HISTORY: AgentInputItem[] = [
  { type: 'message', role: 'user', content: 'earlier' },
  {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'yes' }],
  },
];
