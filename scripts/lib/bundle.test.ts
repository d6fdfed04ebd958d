import { expect, test } from 'vitest';
import { ascii } from './bundle.ts';

test('letters beyond ASCII become escapes that mean the same', async () => {
  // The letters that Unicode keeps in two halves are written as both.
  const script = 'export default ["…", `a ’${1}`, "🙂", /[é-ü]/.test("ö")]';
  const escaped = ascii(script);
  expect(escaped).toMatch(/^[ -~]+$/);
  const values = async (code: string): Promise<unknown> =>
    (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as unknown;
  expect(await values(escaped)).toEqual(await values(script));
});
