/** The tests with coverage and its thresholds (vitest.config.ts). Without the public entry there is too little to measure. */
import { execute, need } from './lib/script.ts';

need('coverage', 'src/index.ts');
const { code } = await execute({ command: 'vitest', args: ['run', '--coverage', '--reporter=dot'] });
process.exit(code);
