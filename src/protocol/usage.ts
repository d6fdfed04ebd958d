/**
 * Token counts. One `RequestUsage` a model request; `Usage` adds them up.
 *
 * Counts follow OpenAI's convention: `inputTokens` includes cached tokens, `outputTokens` includes reasoning.
 */

type Details = Record<string, number>;

/** What one request used, as plain data. Accepts both camelCase and the wire's snake_case. */
export type RequestUsageInput = Partial<{
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Details;
  outputTokensDetails: Details;
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  input_tokens_details: object;
  output_tokens_details: object;
  endpoint: string;
}>;

/** What several requests used, as plain data. Accepts both camelCase and the wire's snake_case. */
export type UsageInput = Partial<{
  requests: number;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Details | Details[];
  outputTokensDetails: Details | Details[];
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  input_tokens_details: Details | Details[] | object;
  output_tokens_details: Details | Details[] | object;
  requestUsageEntries: RequestUsageInput[];
  request_usage_entries: RequestUsageInput[];
}>;

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const isDetails = (value: unknown): value is Details =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function detailsList(value: unknown): Details[] {
  if (Array.isArray(value)) return value.filter(isDetails).map((entry) => ({ ...entry }));
  return isDetails(value) && Object.keys(value).length > 0 ? [{ ...value }] : [];
}

/** The tokens of one model request. */
export class RequestUsage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Details;
  outputTokensDetails: Details;
  /** Which endpoint was asked, such as `responses.create`. */
  declare endpoint?: string;

  constructor(input: RequestUsageInput = {}) {
    this.inputTokens = number(input.inputTokens ?? input.input_tokens);
    this.outputTokens = number(input.outputTokens ?? input.output_tokens);
    this.totalTokens = number(input.totalTokens ?? input.total_tokens ?? this.inputTokens + this.outputTokens);
    const inputDetails = input.inputTokensDetails ?? input.input_tokens_details;
    const outputDetails = input.outputTokensDetails ?? input.output_tokens_details;
    this.inputTokensDetails = isDetails(inputDetails) ? { ...inputDetails } : {};
    this.outputTokensDetails = isDetails(outputDetails) ? { ...outputDetails } : {};
    if (input.endpoint !== undefined) this.endpoint = input.endpoint;
  }

  static fromJSON(input?: RequestUsageInput): RequestUsage {
    return new RequestUsage(input);
  }
}

/** The tokens of a run: the sum over its model requests, those of sub-agents included. */
export class Usage {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails: Details[];
  outputTokensDetails: Details[];
  /** One entry a request, in order, where known. */
  requestUsageEntries: RequestUsage[] | undefined;

  constructor(given?: UsageInput) {
    const input = given ?? {};
    this.requests = input.requests ?? (given ? 1 : 0);
    this.inputTokens = number(input.inputTokens ?? input.input_tokens);
    this.outputTokens = number(input.outputTokens ?? input.output_tokens);
    this.totalTokens = number(input.totalTokens ?? input.total_tokens ?? this.inputTokens + this.outputTokens);
    this.inputTokensDetails = detailsList(input.inputTokensDetails ?? input.input_tokens_details);
    this.outputTokensDetails = detailsList(input.outputTokensDetails ?? input.output_tokens_details);
    const entries = input.requestUsageEntries ?? input.request_usage_entries;
    this.requestUsageEntries = entries?.map((entry) => new RequestUsage(entry));
  }

  static fromJSON(input?: UsageInput): Usage {
    return new Usage(input);
  }

  /** Adds another usage to this one, in place. */
  add(other: Usage): void {
    this.requests += other.requests;
    this.inputTokens += other.inputTokens;
    this.outputTokens += other.outputTokens;
    this.totalTokens += other.totalTokens;
    for (const details of other.inputTokensDetails) this.inputTokensDetails.push(details);
    for (const details of other.outputTokensDetails) this.outputTokensDetails.push(details);
    const entries =
      other.requestUsageEntries ?? (other.requests === 1 && other.totalTokens > 0 ? [asEntry(other)] : undefined);
    if (entries) (this.requestUsageEntries ??= []).push(...entries);
  }
}

function asEntry(usage: Usage): RequestUsage {
  return new RequestUsage({
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    totalTokens: usage.totalTokens,
    ...(usage.inputTokensDetails[0] && { inputTokensDetails: usage.inputTokensDetails[0] }),
    ...(usage.outputTokensDetails[0] && { outputTokensDetails: usage.outputTokensDetails[0] }),
  });
}
