/** `baton graph <module>`: the agents that a module exports, and all that can be reached from them. */
import { UserError } from '../protocol/errors.ts';
import { type AgentLike, graphOf, isAgent, toDot, toMermaid } from './agent-graph.ts';
import { parse, textOf } from './arguments.ts';
import type { Command } from './command.ts';
import { exportsOf, importModule } from './module.ts';
import { harmless } from './terminal.ts';

export const graph: Command = {
  usage: `baton graph <module> [--export <name, default all agents>] [--format mermaid|dot]

  The module is imported, so what it does when it is imported is done.`,
  async run(args, { out }) {
    const parsed = parse(args, { export: { type: 'string' }, format: { type: 'string' } }, 1);
    const [module] = parsed.positionals;
    const format = textOf(parsed, 'format') ?? 'mermaid';
    if (module === undefined) throw new UserError('Which module? Give the path of a file that exports agents.');
    if (format !== 'mermaid' && format !== 'dot') {
      throw new UserError(`--format is ${JSON.stringify(format)}. Give mermaid or dot.`);
    }
    const drawn = graphOf(await agentsOf(module, textOf(parsed, 'export')));
    const lines = (format === 'dot' ? toDot(drawn) : toMermaid(drawn)).split('\n');
    // Leading blanks are layout; names are not ours.
    for (const line of lines) out(line.replace(/\S.*$/s, harmless));
    return 0;
  },
};

async function agentsOf(module: string, name: string | undefined): Promise<AgentLike[]> {
  const imported = await importModule(module);
  const { path, exported } = imported;
  const wanted = name === undefined ? Object.values(exported) : [exported[name]];
  const agents = [...new Set(wanted.filter(isAgent))];
  if (agents.length > 0) return agents;
  const what = name === undefined ? 'exports no agent' : `exports no agent named ${JSON.stringify(name)}`;
  throw new UserError(`${path} ${what}. Its exports: ${exportsOf(imported)}.`);
}
