/** Links of Markdown pages to each other: each leads to a file, and to a heading where it names one. */
import { dirname, join } from 'node:path/posix';

/** Pages by their path from the root of the repository. */
export type Pages = ReadonlyMap<string, string>;
export type Link = { readonly page: string; readonly target: string; readonly anchor: string | undefined };

/** What stands in code is no link. */
const prose = (text: string): string => text.replaceAll(/^(`{3,})[^\n]*\n.*?^\1/gms, '').replaceAll(/`[^`\n]*`/g, '');

/** Links to files of the repository, with the path from its root. */
export function linksOf(page: string, text: string): readonly Link[] {
  return [...prose(text).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(([, path = '', anchor]) => {
    if (/^[a-z]+:/.test(path)) return [];
    return [{ page, target: path === '' ? page : join(dirname(page), path), anchor }];
  });
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replaceAll(/^(`{3,})[^\n]*\n.*?^\1/gms, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links that lead nowhere, and pages of docs/ that README.md does not link. */
export function linkProblems(pages: Pages, exists: (path: string) => boolean): readonly string[] {
  const links = [...pages].flatMap(([page, text]) => linksOf(page, text));
  const broken = links.flatMap(({ page, target, anchor }) => {
    if (!exists(target)) return [`${page} links ${target}, which does not exist`];
    const text = pages.get(target);
    const isLost = anchor !== undefined && text !== undefined && !anchorsOf(text).has(anchor);
    return isLost ? [`${page} links ${target}#${anchor}, and there is no such heading`] : [];
  });
  const listed = new Set(links.filter(({ page }) => page === 'README.md').map(({ target }) => target));
  const guides = [...pages.keys()].filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  const unlisted = guides.filter((page) => !listed.has(page));
  return [...broken, ...unlisted.map((page) => `${page} is not linked in README.md`)];
}
