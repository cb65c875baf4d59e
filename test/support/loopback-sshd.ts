/** A real sshd on loopback with keys and settings of its own, for the tests that need a host to log in to. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { freePort } from "./deployments.ts";
import { newFolder } from "./kimi.ts";

/** As root it must be called by its full path. */
const sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path));

export const isSshThere = existsSync("/usr/bin/ssh");
export const isSshdThere = sshd !== undefined && isSshThere;

export interface LoopbackSshd {
  readonly port: number;
  /** For `ssh -F`: the key, and the host's. */
  readonly configFile: string;
  readonly user: string;
  stop(): Promise<void>;
}

/** Greets at every login, as many do. Listens on all of 127.0.0.0/8, so that 127.0.0.2 and 127.0.0.3 are two hosts. */
export async function startSshd(): Promise<LoopbackSshd> {
  const folder = newFolder();
  const port = await freePort("0.0.0.0");
  const at = (name: string): string => join(folder, name);
  for (const name of ["host-key", "user-key"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  execFileSync("cp", [at("user-key.pub"), at("authorized_keys")]);
  // Where root's sshd wants an empty folder.
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
  const serverSettings = `Port ${port}
ListenAddress 0.0.0.0
HostKey ${at("host-key")}
AuthorizedKeysFile ${at("authorized_keys")}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin yes
MaxStartups 100
PidFile none
ForceCommand echo "Welcome to this host"; eval "$SSH_ORIGINAL_COMMAND"
`;
  const clientSettings = `IdentityFile ${at("user-key")}
IdentitiesOnly yes
UserKnownHostsFile ${at("known_hosts")}
StrictHostKeyChecking accept-new
LogLevel ERROR
`;
  writeFileSync(at("sshd_config"), serverSettings);
  writeFileSync(at("ssh_config"), clientSettings);
  const server = spawn(sshd ?? "sshd", ["-D", "-e", "-f", at("sshd_config")], { stdio: "ignore" });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  await vi.waitUntil(() => accepts(port), { timeout: 10_000 });
  return {
    port,
    configFile: at("ssh_config"),
    user: userInfo().username,
    async stop() {
      server.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.2");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
