/** The ten spans of the measured run, made by hand with the OpenTelemetry SDK: what they cost without an agent SDK. */
import { type Context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { TracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { ANSWER, ARGUMENTS, FOUND, INSTRUCTIONS, QUESTION } from './content.ts';

type Attributes = Record<string, string | number>;

export async function tenSpans(): Promise<{ spans: () => void; flush: () => Promise<void> }> {
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => undefined,
    forceFlush: async () => undefined,
  };
  const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 100_000 });
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer('bench');
  const begin = (name: string, above: Context, attributes: Attributes): [Span, Context] => {
    const span = tracer.startSpan(name, { attributes }, above);
    return [span, trace.setSpan(above, span)];
  };
  const history: string[] = [];
  const say = (role: string, content: string): void => void history.push(JSON.stringify({ role, content }));
  const spans = (): void => {
    history.length = 0;
    say('user', QUESTION);
    const [task, inTask] = begin('task', ROOT_CONTEXT, { 'run.id': 'run' });
    const [agent, inAgent] = begin('agent', inTask, { 'gen_ai.agent.name': 'Bench' });
    for (let number = 1; number <= 3; number++) {
      const [turn, inTurn] = begin('turn', inAgent, { turn: number });
      const asked = { 'gen_ai.system_instructions': INSTRUCTIONS, 'gen_ai.input.messages': `[${history.join(',')}]` };
      const [call] = begin('chat', inTurn, asked);
      const said = number < 3 ? ARGUMENTS : ANSWER;
      say('assistant', said);
      call.setAttributes({ 'gen_ai.output.messages': said, 'gen_ai.usage.input_tokens': 900 });
      call.end();
      if (number < 3) {
        const [tool] = begin('execute_tool look', inTurn, { 'gen_ai.tool.call.arguments': ARGUMENTS });
        tool.setAttribute('gen_ai.tool.call.result', FOUND);
        say('tool', FOUND);
        tool.end();
      }
      turn.end();
    }
    agent.end();
    task.end();
  };
  return { spans, flush: () => processor.forceFlush() };
}
