/**
 * Adds up the JSON reports of vitest in a folder and prints the sum as the last line: `12 passed, 0 failed`.
 * Ends with status 1 where a test failed or none ran.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

type Report = {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
};

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name the folder of the reports: node scripts/summary.ts FOLDER');

let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of globSync('*.json', { cwd: folder }).toSorted()) {
  const report: Report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const off = report.numPendingTests + report.numTodoTests;
  console.log(
    `${basename(file, '.json')}: ${report.numPassedTests} passed, ${report.numFailedTests} failed, ${off} off`,
  );
  passed += report.numPassedTests;
  // A file that does not load has no failed test, but it is a failure.
  failed += report.success ? report.numFailedTests : Math.max(1, report.numFailedTests);
  skipped += off;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
