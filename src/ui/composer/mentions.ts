/**
 * Files mentioned in a text: `@path` or `@"a path with spaces"`.
 *
 * A mention begins where no ASCII word goes before the `@`, so e-mail addresses are none; Chinese
 * text, which has no spaces, may go right before it. It ends at white space, a quote or the
 * placeholder of a paste.
 */

const start = String.raw`(?<![\w.%+\-@])@(?!@)`;
/** An at sign within is part of the path (`a/@types`), unless what begins with it is a mention. */
const character = String.raw`(?:[^\s"@\u{108000}-\u{10FFFF}]|(?<=[\x21-\x7e])@)`;
const mention = new RegExp(String.raw`${start}(?:"([^"\n]+)"|(${character}+))`, "gu");
const openedMention = new RegExp(String.raw`${start}(?:"([^"\n]*)"?|(${character}*))`, "gu");

/** Where the mention begins that goes on up to the text's end; undefined when there is none. */
export function openMention(text: string): { from: number; query: string } | undefined {
  const lineFrom = text.lastIndexOf("\n") + 1;
  const line = text.slice(lineFrom);
  for (const { 0: found, 1: quoted, 2: plain, index } of line.matchAll(openedMention)) {
    if (index + found.length < line.length) continue;
    const isClosed = quoted !== undefined && found.length > quoted.length + '@"'.length;
    return isClosed ? undefined : { from: lineFrom + index, query: quoted ?? plain ?? "" };
  }
  return undefined;
}

/** The paths mentioned in a text, as written. */
export function mentionsIn(text: string): string[] {
  return [...text.matchAll(mention)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** A mention of `path`. A folder ends with a slash and stays open, a file's mention is ended. */
export function writeMention(path: string): string {
  const isFolder = path.endsWith("/");
  const isPlain = mentionsIn(`@${path}`)[0] === path;
  if (isPlain) return `@${path}${isFolder ? "" : " "}`;
  return isFolder ? `@"${path}` : `@"${path}" `;
}
