/**
 * `node import-time.ts <specifier>` prints how many milliseconds the import takes; without one, 0.
 * It imports nothing else, so that no module of the library is loaded before the clock starts.
 */
const [specifier] = process.argv.slice(2);
const start = performance.now();
if (specifier !== undefined) await import(specifier);
const ms = specifier === undefined ? 0 : performance.now() - start;
process.stdout.write(`${JSON.stringify({ samples: [ms] })}\n`, () => process.exit(0));

export {};
