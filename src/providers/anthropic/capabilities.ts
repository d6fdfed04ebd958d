/** What Claude models differ in, read from their names. Data, and overridable: a gateway may call a model anything. */

export type AnthropicCapabilities = {
  /** How the model is asked to think: with a budget of tokens, as it sees fit, or not at all. */
  thinking: 'none' | 'budget' | 'adaptive';
  /** Takes `temperature` and `top_p`. */
  sampling: boolean;
  /** Takes `output_config.format` and strict tools. */
  structured: boolean;
  /** Gives structured answers through a final tool, where there are other tools too: see model/final-tool.ts. */
  finalTool: boolean;
  /** What `max_tokens` is where the request does not say. */
  defaultMaxTokens: number;
};

/** Generations by their first version, newest first. */
const GENERATIONS: readonly (readonly [number, AnthropicCapabilities])[] = [
  [5, { thinking: 'adaptive', sampling: false, structured: true, finalTool: false, defaultMaxTokens: 32_000 }],
  [4.6, { thinking: 'adaptive', sampling: true, structured: true, finalTool: false, defaultMaxTokens: 32_000 }],
  [4.5, { thinking: 'budget', sampling: true, structured: true, finalTool: false, defaultMaxTokens: 32_000 }],
  [3.7, { thinking: 'budget', sampling: true, structured: false, finalTool: true, defaultMaxTokens: 32_000 }],
  [3.5, { thinking: 'none', sampling: true, structured: false, finalTool: true, defaultMaxTokens: 8192 }],
  [0, { thinking: 'none', sampling: true, structured: false, finalTool: true, defaultMaxTokens: 4096 }],
];
/** A name without a version, as other vendors give to models behind this wire. */
const UNKNOWN: AnthropicCapabilities = {
  thinking: 'budget',
  sampling: true,
  structured: false,
  finalTool: false,
  defaultMaxTokens: 8192,
};

/** What a model of this name can do. `claude-opus-4-7`, `claude-3-7-sonnet-latest`, `anthropic/claude-opus-4.7`. */
export function capabilitiesOf(model: string): AnthropicCapabilities {
  const version = versionOf(model);
  if (version === undefined) return UNKNOWN;
  const found = GENERATIONS.find(([first]) => version >= first)?.[1] ?? UNKNOWN;
  // Opus left its sampling settings one version before the others.
  return /opus/.test(model) && version >= 4.7 ? { ...found, sampling: false } : found;
}

function versionOf(model: string): number | undefined {
  const [, name] = /claude(.*)$/.exec(model.toLowerCase()) ?? [];
  // Eight digits are a date, not a version.
  const [, major, minor] = /(?:^|[-.])(\d{1,2})(?:[-.](\d{1,2}))?(?=$|[^\d])/.exec(name ?? '') ?? [];
  return major === undefined ? undefined : Number(minor === undefined ? major : `${major}.${minor}`);
}
