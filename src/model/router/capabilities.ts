/** Whether a target can do what a request asks for. */
import type { AgentInputItem } from '../../protocol/items.ts';
import type { ModelRequest } from '../../protocol/model.ts';
import type { ModelCapabilities } from './types.ts';

/** The first capability that is needed and lacks; `undefined` where none does. Only what is declared is looked at. */
export function lacks(can: ModelCapabilities, request: ModelRequest): keyof ModelCapabilities | undefined {
  const { tools, handoffs, outputType } = request;
  const hosted = (): boolean => tools.some(({ type }) => type === 'hosted_tool');
  if (can.tools === false && (handoffs.length > 0 || tools.some(({ type }) => type === 'function'))) return 'tools';
  if (can.hostedTools === false && hosted()) return 'hostedTools';
  if (can.structuredOutput === false && outputType !== 'text') return 'structuredOutput';
  if (can.vision === false && hasImages(request.input)) return 'vision';
  if (can.contextWindow !== undefined && leastTokens(request) > can.contextWindow) return 'contextWindow';
  return undefined;
}

function hasImages(input: ModelRequest['input']): boolean {
  return typeof input !== 'string' && input.some((item) => partsOf(item).some(({ type }) => type === 'input_image'));
}

function partsOf(item: AgentInputItem): readonly { type: string }[] {
  if ('content' in item && Array.isArray(item.content)) return item.content;
  if ('output' in item && Array.isArray(item.output)) return item.output as { type: string }[];
  return [];
}

/**
 * Fewer tokens than a request surely has: eight characters are hardly ever less than one token. A guess that is too
 * high would keep good targets out; what is too long all the same is refused by the provider, and known by its error.
 */
function leastTokens({ input, systemInstructions = '', modelSettings }: ModelRequest): number {
  const characters = systemInstructions.length + (typeof input === 'string' ? input.length : lengthOfInput(input));
  return Math.floor(characters / 8) + (modelSettings.maxTokens ?? 0);
}

/** Several targets ask for the same input: it is counted once. */
const lengths = new WeakMap<object, number>();

function lengthOfInput(input: readonly AgentInputItem[]): number {
  const known = lengths.get(input);
  if (known !== undefined) return known;
  const length = lengthOf(input, 0);
  lengths.set(input, length);
  return length;
}

/** The length of all texts in a value. Data URLs are no text. */
function lengthOf(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.startsWith('data:') ? 0 : value.length;
  if (typeof value !== 'object' || value === null || depth > 6) return 0;
  let sum = 0;
  for (const [key, member] of Object.entries(value)) if (key !== 'providerData') sum += lengthOf(member, depth + 1);
  return sum;
}
