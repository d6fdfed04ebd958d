/** `baton alerts`: the rules on the metrics, for Prometheus. */
import { UserError } from '../protocol/errors.ts';
import { prometheusRules } from '../trace/metrics/alerts/index.ts';
import { parse } from './arguments.ts';
import type { Command } from './command.ts';

export const alerts: Command = {
  usage: 'baton alerts export --prometheus',
  async run(args, terminal) {
    const { values, positionals } = parse(args, { prometheus: { type: 'boolean' } }, 1);
    if (positionals[0] !== 'export' || values['prometheus'] !== true) {
      throw new UserError('Say what to export and for whom: baton alerts export --prometheus');
    }
    terminal.out(prometheusRules().trimEnd());
    return 0;
  },
};
