import { randomUUID } from 'node:crypto';
import {
  Agent,
  type AgentInputItem,
  MemorySession,
  run,
  type Session,
  type SessionInputCallback,
} from '@openai/agents';

export class FileSession implements Session {
  readonly #id: string;
  #items: AgentInputItem[] = [];

  constructor({ id = randomUUID() }: { id?: string } = {}) {
    this.#id = id;
  }

  async getSessionId(): Promise<string> {
    return this.#id;
  }

  async getItems(limit?: number): Promise<AgentInputItem[]> {
    const items = limit === undefined ? this.#items : limit <= 0 ? [] : this.#items.slice(-limit);
    return structuredClone(items);
  }

  async addItems(items: AgentInputItem[]): Promise<void> {
    this.#items = [...this.#items, ...structuredClone(items)];
  }

  async popItem(): Promise<AgentInputItem | undefined> {
    return this.#items.pop();
  }

  async clearSession(): Promise<void> {
    this.#items = [];
  }
}

const agent = new Agent({ name: 'Companion', instructions: 'Chat.' });

const recent: SessionInputCallback = (history, input) => {
  const text = history.filter((item) => !('role' in item) || item.role !== 'system');
  return [...text.slice(-20), ...input];
};

export async function main(): Promise<void> {
  const sessions: Session[] = [
    new MemorySession(),
    new MemorySession({ sessionId: 's', initialItems: [{ role: 'user', content: 'Hi' }] }),
    new FileSession(),
  ];
  for (const session of sessions) {
    await run(agent, 'My name is Ada.', { session });
    const { finalOutput } = await run(agent, 'What is my name?', { session, sessionInputCallback: recent });
    const stream = await run(agent, 'Sure?', { session, stream: true });
    await stream.completed;
    const last = await session.popItem();
    if (last && 'role' in last && last.role === 'assistant') console.log(last.content[0]?.type, last.status);
    console.log(finalOutput, (await session.getItems(5)).length, await session.getSessionId());
    await session.clearSession();
  }
  const kept = await run(agent, 'Hi', { conversationId: 'conv_1' });
  await run(agent, 'And?', { previousResponseId: kept.lastResponseId });
}
