/** Exports, files and dependencies that nobody uses (knip). Without the public entry everything would look unused. */
import { execute, need } from './lib/script.ts';

need('unused code', 'src/index.ts');
const { code } = await execute({ command: 'knip', args: ['--no-progress', '--no-config-hints'] });
process.exit(code);
