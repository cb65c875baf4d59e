/** The ssh set-up that mpirun needs (Moonshot's guide), as a program that says what is missing of it. */
import type { Host, PlanFile } from "../deployment-plan.ts";

/** The guide's, since a container with the host's network can't have the host's own 22. */
export const containerSshPort = 2_233;

export function sshCheck(hosts: readonly Host[], sshPort: number | undefined): PlanFile {
  const port = sshPort ?? 22;
  const user = hosts[0]?.sshUser ?? "root";
  const rootLine =
    user === "root"
      ? `check 'root may log in' 'write "PermitRootLogin yes" into /etc/ssh/sshd_config, then: service ssh restart' setting 'permitrootlogin yes'\n`
      : "";
  return {
    path: "check-ssh.sh",
    isExecutable: true,
    content: `#!/bin/sh
# What mpirun needs of ssh, checked on the host (in the container) that it runs on. Run it on each of them.
failed=0

check() {
  # check WHAT HOW-TO-MEND COMMAND...
  what=$1
  mend=$2
  shift 2
  if "$@" >/dev/null 2>&1; then
    printf 'ok       %s\\n' "$what"
  else
    printf 'missing  %s\\n         %s\\n' "$what" "$mend"
    failed=1
  fi
}

sshd=$(command -v sshd || echo /usr/sbin/sshd)
# shellcheck disable=SC2317,SC2329 # check calls it
setting() { "$sshd" -T 2>/dev/null | grep -qix "$1"; }

check 'ssh server' 'apt-get update && apt-get install -y openssh-server' test -x "$sshd"
check 'port ${port}' 'write "Port ${port}" into /etc/ssh/sshd_config, then: service ssh restart' setting 'port ${port}'
${rootLine}check 'log-in by key' 'write "PubkeyAuthentication yes" into /etc/ssh/sshd_config, then: service ssh restart' setting 'pubkeyauthentication yes'
check 'a key of this host' 'ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519' test -f "$HOME/.ssh/id_ed25519"
${hosts
  .map(
    ({ address }) =>
      `check 'ssh to ${address} without a password' 'ssh-copy-id -p ${port} -i ~/.ssh/id_ed25519.pub ${user}@${address}' ssh -p ${port} -o BatchMode=yes -o ConnectTimeout=10 ${user}@${address} true`,
  )
  .join("\n")}

exit "$failed"
`,
  };
}
