/** What we need of node-llama-cpp, by its shape, and how it is found. Its package is imported on first use. */
import { LocalModelError } from './errors.ts';

export type Token = number;

/** Text in which only the template's own parts may become special tokens; what people and tools said never does. */
export type TemplateText = { tokenize(tokenizer: unknown): Token[] };
export type ChatTurn =
  | { type: 'system'; text: string }
  | { type: 'user'; text: string }
  | { type: 'model'; response: string[] };
export type ChatWrapper = {
  readonly wrapperName: string;
  generateContextState(options: { chatHistory: ChatTurn[] }): { contextText: TemplateText };
};

export type LlamaSequence = {
  readonly nextTokenIndex: number;
  adaptStateToTokens(tokens: Token[], allowShift?: boolean): Promise<void>;
  evaluate(tokens: Token[], options: object): AsyncGenerator<Token, void, void>;
};
export type LoadedContext = {
  readonly contextSize: number;
  getSequence(): LlamaSequence;
};
export type LoadedModel = {
  readonly tokenizer: unknown;
  readonly trainContextSize: number;
  detokenize(tokens: readonly Token[], special?: boolean, last?: readonly Token[]): string;
  createContext(options: object): Promise<LoadedContext>;
};
export type Llama = {
  loadModel(options: { modelPath: string }): Promise<LoadedModel>;
  createGrammar(options: { grammar: string }): Promise<object>;
  dispose(): Promise<void>;
};

/** The part of node-llama-cpp that is used: `import * as library from 'node-llama-cpp'` fits. */
export type LlamaLibrary = {
  getLlama(options: object): Promise<Llama>;
  resolveChatWrapper(model: LoadedModel): ChatWrapper;
  readonly LlamaGrammarEvaluationState: new (options: { model: LoadedModel; grammar: object }) => object;
};

/** A variable, so that neither the compiler nor a bundler looks for a package that is not there. */
const PACKAGE: string = 'node-llama-cpp';

/** @throws LocalModelError `local-model/no-library` */
export async function loadLibrary(): Promise<LlamaLibrary> {
  try {
    return (await import(PACKAGE)) as LlamaLibrary;
  } catch (error) {
    throw new LocalModelError(
      'local-model/no-library',
      'LlamaModel needs the package node-llama-cpp. Install it (npm install node-llama-cpp), ' +
        'or hand it in: new LlamaModel({ modelPath, library: await import("node-llama-cpp") }).',
      error,
    );
  }
}
