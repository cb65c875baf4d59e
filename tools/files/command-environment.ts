const secretName = /(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(_|$)/i;

/** Nobody is there to read a pager, answer a prompt or see a color. */
const unattended = {
  TERM: "dumb",
  NO_COLOR: "1",
  PAGER: "cat",
  GIT_PAGER: "cat",
  GIT_TERMINAL_PROMPT: "0",
} as const;

/** For what a model runs: without the variables whose names tell of a secret, which it could print. */
export function commandEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const shared = Object.entries(own).filter(([name]) => !secretName.test(name));
  return { ...Object.fromEntries(shared), ...unattended };
}
