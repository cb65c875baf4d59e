import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { readConfigFile } from "../config/config-file.ts";
import { builtInProfiles } from "../config/profiles.ts";
import { protocols } from "../config/settings.ts";
import { builtInTools } from "./open-tools.ts";
import { userConfigFile } from "./setup.ts";

/** Adds `completion SHELL`, which prints a script, and the hidden `complete`, which the script asks. */
export function addCompletion(program: Command): void {
  const root = tab(program, { completionCommandName: "completion" });
  const values: Readonly<Record<string, () => readonly string[]>> = {
    tools: () => builtInTools,
    protocol: () => protocols,
    profile: () => [
      ...Object.keys(builtInProfiles),
      ...Object.keys(readConfigFile(userConfigFile).profiles),
    ],
  };
  for (const command of root.commands.values()) {
    for (const [name, list] of Object.entries(values)) {
      const option = command.options.get(name);
      if (option) option.handler = (complete) => list().forEach((value) => complete(value, ""));
    }
  }
}
