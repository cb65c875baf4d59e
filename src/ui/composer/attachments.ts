/** Which files a sent text attaches. */
import { mentionsIn } from "./mentions.ts";

const punctuationAtEnd = /[.,;:!?)\]}'>。，、；：！？）】」』》”’…]+$/u;
const punctuationWithin = /[。，、；：！？（）【】「」『』《》“”‘’…]/u;

/**
 * The paths that `text` mentions and that `exists` knows as files, each once, in order. Sentences go
 * on right after a path (`see @a.ts, please`, `看@a.ts。谢谢`), so what is no file as written is
 * tried without what may belong to the sentence. Give it a composer's `text`, not the expanded one:
 * what a large paste mentions is not meant.
 */
export function attachedPaths(text: string, exists: (path: string) => boolean): string[] {
  const paths = new Set<string>();
  for (const mention of mentionsIn(text)) {
    const found = readings(mention).find((path) => path !== "" && exists(path));
    if (found !== undefined) paths.add(found);
  }
  return [...paths];
}

/** What a mention may mean, most likely first. */
function readings(mention: string): string[] {
  const upToPunctuation = mention.split(punctuationWithin, 1)[0] ?? "";
  const upToOtherScript = /^[\x21-\x7e]*/.exec(mention)?.[0] ?? "";
  return [
    mention,
    mention.replace(punctuationAtEnd, ""),
    upToPunctuation,
    upToOtherScript.replace(punctuationAtEnd, ""),
  ];
}
