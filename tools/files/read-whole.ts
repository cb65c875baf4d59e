import { decodeText, openRegularFile } from "./regular-file.ts";
import type { WorkspacePath } from "./workspace.ts";

/** More than anyone edits by hand; it is held in memory several times over. */
const largestBytes = 16 << 20;

/**
 * The text of a file that is to be changed, with its byte order mark.
 * @throws Error naming a file that is missing, too large, binary or not UTF-8.
 */
export async function readWhole(file: WorkspacePath): Promise<string> {
  const handle = await openRegularFile(file);
  try {
    const { size } = await handle.stat();
    if (size > largestBytes)
      throw new Error(`${file.name} is larger than ${largestBytes >> 20} MiB`);
    return decodeText(await handle.readFile(), file);
  } finally {
    await handle.close();
  }
}
