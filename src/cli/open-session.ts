import { existsSync } from "node:fs";
import type { Settings } from "../config/settings.ts";
import { usageError } from "../errors.ts";
import {
  findSession,
  latestSession,
  newSessionId,
  sessionPath,
} from "../session/session-folder.ts";
import { Session } from "../session/session.ts";
import { sessionFolder } from "./setup.ts";

/** Which conversation to go on with; nothing given is a new one. */
export interface SessionChoice {
  readonly continue?: boolean;
  /** The start of an id; `true` where only the flag was given. */
  readonly resume?: string | true;
  /** A session of this name, new or not. */
  readonly session?: string;
}

/** @throws KimiError for one that is not there, damaged beyond reading, or open elsewhere. */
export function openSession(choice: SessionChoice, settings: Partial<Settings>): Session {
  const id = chosenId(choice);
  // Who names one wants it kept, whatever the configuration says.
  const isKept = choice.session !== undefined || (settings.session ?? true);
  const path = id === undefined ? undefined : sessionPath(sessionFolder, id);
  let session: Session;
  if (id !== undefined && path !== undefined && existsSync(path)) {
    session = Session.resume(path, { id, isKept });
  } else {
    const at = new Date();
    const info = {
      id: id ?? newSessionId(at),
      createdAt: at.toISOString(),
      folder: process.cwd(),
      model: settings.model ?? settings["base-url"] ?? "",
    };
    session = Session.start(isKept ? sessionPath(sessionFolder, info.id) : undefined, info);
  }
  if (settings.system !== undefined) session.setSystem(settings.system);
  return session;
}

/** @throws KimiError when several are chosen, or none is there. */
function chosenId({ continue: last, resume, session }: SessionChoice): string | undefined {
  const given = [last, resume !== undefined, session !== undefined].filter(Boolean);
  if (given.length > 1) {
    throw usageError(
      "--continue, --resume and --session each choose a session",
      "Give one of them.",
    );
  }
  if (last || resume === true) {
    const latest = latestSession(sessionFolder, process.cwd());
    if (latest === undefined) {
      throw usageError(
        "there is no session to go on with",
        "Start one without --continue or --resume.",
      );
    }
    return latest;
  }
  if (resume !== undefined) return findSession(sessionFolder, resume);
  return session;
}
