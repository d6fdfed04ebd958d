/**
 * What OpenTelemetry's environment variables say of the export of spans, by its specification's "OTLP Exporter
 * Configuration" and "Environment Variables". A variable that is empty counts as unset; one for traces goes before the
 * one for all signals.
 */
import { UserError } from '../../protocol/errors.ts';

export type OtlpProtocol = 'http/json' | 'http/protobuf';
type Environment = Readonly<Record<string, string | undefined>>;

export type OtlpEnvironment = Readonly<{
  /** `OTEL_SDK_DISABLED=true`. */
  disabled: boolean;
  url: string;
  /** @throws UserError for one that this exporter does not speak */
  protocol: () => OtlpProtocol;
  headers: Readonly<Record<string, string>>;
  compression: 'gzip' | 'none' | undefined;
  timeoutMs: number | undefined;
  delayMs: number | undefined;
  batchSpans: number | undefined;
  /** Longest text of an attribute, in characters. */
  valueLength: number | undefined;
  /** 0 to 1. */
  sampleRate: number | undefined;
  resource: Readonly<Record<string, string>>;
}>;

const DEFAULT_URL = 'http://localhost:4318/v1/traces';
const TRACES_PATH = 'v1/traces';

export function readOtlpEnvironment(env: Environment): OtlpEnvironment {
  const get = (name: string): string | undefined => env[name]?.trim() || undefined;
  const ofTraces = (name: string): string | undefined =>
    get(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? get(`OTEL_EXPORTER_OTLP_${name}`);
  const headers = { ...pairs(get('OTEL_EXPORTER_OTLP_HEADERS')), ...pairs(get('OTEL_EXPORTER_OTLP_TRACES_HEADERS')) };
  const resource = pairs(get('OTEL_RESOURCE_ATTRIBUTES'));
  const service = get('OTEL_SERVICE_NAME');
  const compression = ofTraces('COMPRESSION');
  return {
    disabled: get('OTEL_SDK_DISABLED')?.toLowerCase() === 'true',
    url: urlOf(get('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'), get('OTEL_EXPORTER_OTLP_ENDPOINT')),
    protocol: () => protocolOf(ofTraces('PROTOCOL')),
    headers,
    compression: compression === 'gzip' || compression === 'none' ? compression : undefined,
    timeoutMs: positive(ofTraces('TIMEOUT')),
    delayMs: positive(get('OTEL_BSP_SCHEDULE_DELAY')),
    batchSpans: positive(get('OTEL_BSP_MAX_EXPORT_BATCH_SIZE')),
    valueLength: positive(get('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT') ?? get('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT')),
    sampleRate: sampleRateOf(get('OTEL_TRACES_SAMPLER'), get('OTEL_TRACES_SAMPLER_ARG')),
    resource: service === undefined ? resource : { ...resource, 'service.name': service },
  };
}

function urlOf(traces: string | undefined, base: string | undefined): string {
  if (traces !== undefined) return traces;
  if (base === undefined) return DEFAULT_URL;
  return `${base.replace(/\/$/, '')}/${TRACES_PATH}`;
}

/** An endpoint as a program gives it. One without a path gets OTLP's, as no collector listens at the root. */
export function endpointUrl(endpoint: string): string {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new UserError(`endpoint is ${JSON.stringify(endpoint)}, which is no URL. Write "${DEFAULT_URL}".`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UserError(`endpoint starts with "${url.protocol}", but spans leave by http: or https:.`);
  }
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  return url.href;
}

function protocolOf(said: string | undefined): OtlpProtocol {
  if (said === undefined || said === 'http/protobuf') return 'http/protobuf';
  if (said === 'http/json') return said;
  throw new UserError(
    `OTEL_EXPORTER_OTLP_PROTOCOL is "${said}". This exporter speaks http/protobuf and http/json, usually on port 4318: ` +
      'set the variable or the option `protocol` to one of them.',
  );
}

/** `key=value,key=value`, with values percent-encoded. Pairs that cannot be read are left out. */
function pairs(list: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of list?.split(',') ?? []) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    if (at < 1 || key === '') continue;
    const value = pair.slice(at + 1).trim();
    try {
      found[key] = decodeURIComponent(value);
    } catch {
      found[key] = value;
    }
  }
  return found;
}

function positive(said: string | undefined): number | undefined {
  const value = Number(said ?? NaN);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function sampleRateOf(sampler: string | undefined, argument: string | undefined): number | undefined {
  const name = sampler?.replace(/^parentbased_/, '');
  if (name === 'always_on') return 1;
  if (name === 'always_off') return 0;
  if (name !== 'traceidratio') return undefined;
  const rate = Number(argument ?? 1);
  return rate >= 0 && rate <= 1 ? rate : 1;
}
