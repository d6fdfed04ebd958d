/** Makes values fit where a back end has a limit. JSON stays JSON: it is cut in its texts and lists, never as a text. */

/** How long a text counts: in UTF-16 units or in bytes. */
export type Measure = (text: string) => number;

export const characters: Measure = (text) => text.length;
const utf8 = /* @__PURE__ */ new TextEncoder();
export const utf8Bytes: Measure = (text) => utf8.encode(text).length;

const SHORTEST_LEAF = 32;

/** The start of a text, with a note of what is missing. The note is part of the limit where there is room for it. */
export function textWithin(text: string, max: number, measure: Measure = characters): string {
  if (text.length <= max && measure(text) <= max) return text;
  const note = ` [${text.length} characters, cut]`;
  let keep = Math.max(0, Math.min(text.length, max) - note.length);
  let cut = text.slice(0, keep);
  // Bytes: three at most for a unit, so that few rounds are needed.
  while (keep > 0 && measure(cut) + note.length > max) {
    keep = Math.floor((keep * (max - note.length)) / measure(cut)) - 1;
    cut = text.slice(0, Math.max(0, keep));
  }
  return note.length <= max ? `${cut}${note}` : cut;
}

/** The JSON of a value: whole, or with long texts cut, or with the oldest members of its lists left out too. */
export function jsonWithin(value: unknown, max: number, measure: Measure = characters): string {
  const whole = JSON.stringify(value) ?? 'null';
  if (measure(whole) <= max) return whole;
  for (let leaf = Math.floor(max / 2); leaf >= SHORTEST_LEAF; leaf = Math.floor(leaf / 4)) {
    const cut = JSON.stringify(value, (_key, item: unknown) =>
      typeof item === 'string' ? textWithin(item, leaf) : item,
    );
    if (measure(cut) <= max) return cut;
  }
  for (let length = 64; length >= 1; length = Math.floor(length / 2)) {
    const cut = JSON.stringify(value, (_key, item: unknown) => {
      if (typeof item === 'string') return textWithin(item, SHORTEST_LEAF * 2);
      if (!Array.isArray(item) || item.length <= length) return item;
      // The newest say most; the note tells that there were others.
      return [`[${item.length - length} left out]`, ...item.slice(-length)];
    });
    if (measure(cut) <= max) return cut;
  }
  return JSON.stringify({ truncated: true, characters: whole.length });
}
