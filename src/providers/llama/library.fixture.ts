/** node-llama-cpp by its shape, with a model that says what a test tells it. A token is a byte of UTF-8. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatTurn, LlamaLibrary, Token } from './library.ts';

export type Asked = { turns: ChatTurn[]; grammar: string | undefined; options: Record<string, unknown> };
/** What is said, from the first to the last; the last is said again. */
export type Script = { says: readonly (string | ((asked: Asked) => string))[]; contextSize?: number; trained?: number };
export type Recording = { asked: Asked[]; loads: string[]; contexts: object[]; disposed: number; evaluated: number[] };

const bytesOf = (text: string): Token[] => [...new TextEncoder().encode(text)];

export function fakeLibrary({ says, trained = 100_000 }: Script): { library: LlamaLibrary; seen: Recording } {
  const seen: Recording = { asked: [], loads: [], contexts: [], disposed: 0, evaluated: [] };
  let state: Token[] = [];
  let turns: ChatTurn[] = [];
  async function* evaluate(tokens: Token[], options: object): AsyncGenerator<Token, void, void> {
    state.push(...tokens);
    seen.evaluated.push(tokens.length);
    const { grammarEvaluationState: grammar, ...rest } = options as Record<string, unknown>;
    const asked: Asked = { turns, grammar: (grammar as { grammar: string } | undefined)?.grammar, options: rest };
    seen.asked.push(asked);
    const next = says[Math.min(seen.asked.length, says.length) - 1] ?? '';
    for (const token of bytesOf(typeof next === 'string' ? next : next(asked))) {
      await new Promise((resolve) => setImmediate(resolve));
      state.push(token);
      yield token;
    }
  }
  const sequence = {
    get nextTokenIndex() {
      return state.length;
    },
    adaptStateToTokens: async (tokens: Token[]) => {
      let same = 0;
      while (same < tokens.length && tokens[same] === state[same]) same++;
      state = state.slice(0, same);
    },
    evaluate,
  };
  const library: LlamaLibrary = {
    getLlama: async () => ({
      loadModel: async ({ modelPath }) => {
        seen.loads.push(modelPath);
        return {
          tokenizer: undefined,
          trainContextSize: trained,
          detokenize: (tokens) => new TextDecoder().decode(Uint8Array.from(tokens)),
          createContext: async (options) => {
            seen.contexts.push(options);
            state = [];
            return { contextSize: Number(Reflect.get(options, 'contextSize')), getSequence: () => sequence };
          },
        };
      },
      createGrammar: async (options) => options,
      dispose: async () => {
        seen.disposed += 1;
      },
    }),
    resolveChatWrapper: () => ({
      wrapperName: 'Fake',
      generateContextState: ({ chatHistory }) => {
        turns = chatHistory;
        const text = chatHistory.map((turn) => `|${turn.type}|${'text' in turn ? turn.text : turn.response.join('')}`);
        return { contextText: { tokenize: () => bytesOf(text.join('')) } };
      },
    }),
    LlamaGrammarEvaluationState: class {
      grammar: unknown;
      constructor({ grammar }: { grammar: object }) {
        this.grammar = Reflect.get(grammar, 'grammar');
      }
    },
  };
  return { library, seen };
}

/** A file that stands for a model. */
export function modelFile(content = 'a model'): string {
  const path = join(mkdtempSync(join(tmpdir(), 'baton-llama-')), 'tiny.Q4.gguf');
  writeFileSync(path, content);
  return path;
}
