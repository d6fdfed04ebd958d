#!/usr/bin/env node
/** The `baton` command. */
import { baton } from './baton.ts';
import { stripVTControlCharacters } from 'node:util';
import { paintFor, plain } from './terminal.ts';

const { env, stdout, stderr, argv } = process;
// A reader that has seen enough (`baton runs | head`) is no error.
stdout.on('error', (error: Error & { code?: string }) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
// Errors are painted as what is beside them on the screen; in a file of their own they are plain.
const isPlain = paintFor(env, stderr.isTTY === true) === plain;
process.exitCode = await baton(argv.slice(2), {
  out: (line) => void stdout.write(`${line}\n`),
  err: (line) => void stderr.write(`${isPlain ? stripVTControlCharacters(line) : line}\n`),
  columns: stdout.columns ?? (Number(env['COLUMNS']) || 120),
  paint: paintFor(env, stdout.isTTY === true),
});
