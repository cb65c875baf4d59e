import type { ChatController } from "./chat-controller.ts";
import { plain, type Candidate } from "./candidate.ts";
import { commands } from "./commands.ts";
import type { Completion } from "./composer/completion.ts";
import { listPaths } from "./composer/path-candidates.ts";
import { rank } from "./composer/rank.ts";

const mostCandidates = 50;

/** What can stand at a place in the composer, best first; nothing where nothing is known. */
export async function candidatesFor(
  place: Completion,
  chat: ChatController,
): Promise<readonly Candidate[]> {
  try {
    switch (place.kind) {
      case "command":
        return ranked(
          commands.map(({ name, about }) => ({ value: name, about })),
          place.query,
        );
      case "path":
        return (await listPaths(process.cwd(), place.query, mostCandidates)).map(plain);
      case "argument": {
        const command = commands.find(({ name }) => name === place.command);
        const all = (await command?.candidates?.(chat)) ?? [];
        return ranked(all, place.query).slice(0, mostCandidates);
      }
      default:
        return place satisfies never;
    }
  } catch {
    return []; // a server without a list of models, for one
  }
}

/** In their own order while nothing is typed. */
function ranked(candidates: readonly Candidate[], query: string): readonly Candidate[] {
  return query === "" ? candidates : rank(candidates, query, ({ value }) => value);
}
