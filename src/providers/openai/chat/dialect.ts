/** Where a server's Chat Completions differ from OpenAI's. */
import type { Json } from '../json.ts';

/** What is known of an answer when it has ended. */
export type Answered = { headers: Headers | undefined; usage: unknown };

/** A server's way of speaking. Each member is for a difference that the server's users were hit by. */
export type ChatDialect = {
  /** The server's name, for errors: `LiteLLM`. */
  name: string;
  /** Changes a request's body before it is sent. The body is the request's own. */
  request?: (body: Json) => Json;
  /** Where tools and a schema are asked for, the server sees the schema only, or the tools: see model/final-tool.ts. */
  finalTool?: true;
  /** Reads an answered message, whole or put together again from a stream. */
  message?: (message: Json) => Json;
  /** What the server says about an answer beside its message; kept in the response's `providerData`. */
  facts?: (answered: Answered) => Json | undefined;
};

export const OPENAI: ChatDialect = { name: 'OpenAI' };
