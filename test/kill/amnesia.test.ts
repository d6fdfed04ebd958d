/** A kernel that forgets all but its log after each commit does what one with a memory does. */
import { expect, test } from 'vitest';
import { live } from './life.ts';
import { systemOf } from './systems.ts';

test('a hundred random systems end the same when everything but the log is forgotten after each commit', async () => {
  for (let seed = 0; seed < 100; seed++) {
    const spec = systemOf(seed);
    const base = await live(spec);
    const forgetful = await live(spec, { amnesia: true });
    expect(forgetful.outcome, `system ${seed}`).toEqual(base.outcome);
    expect(forgetful.disk.ledger, `system ${seed}`).toEqual(base.disk.ledger);
  }
});
