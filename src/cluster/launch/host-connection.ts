import { hostname, networkInterfaces } from "node:os";
import type { Host } from "../deployment-plan.ts";

/** How commands reach the hosts. */
export interface Reach {
  /** All nodes run on this machine, whatever their hosts are. */
  readonly isLocal: boolean;
  /** Instead of the user's own ssh configuration. */
  readonly sshConfigFile?: string | undefined;
  readonly connectTimeoutSeconds: number;
}

/** A host, and the program with arguments that runs a shell there which reads a script from its standard input. */
export interface HostConnection {
  /** As a person knows it. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Where its ports answer. */
  readonly address: string;
  /** What a person may type to try the connection; absent of this machine. */
  readonly ssh?: string | undefined;
  /** Tells hosts apart. */
  readonly key: string;
}

const shell = ["sh", "-s"] as const;

export function connectionTo(host: Host, reach: Reach): HostConnection {
  if (reach.isLocal) return { name: "localhost", argv: shell, address: "127.0.0.1", key: "local" };
  const { name, address } = host;
  if (isThisMachine(host)) return { name, argv: shell, address, key: "local" };
  const where = [
    ...(host.sshPort === undefined ? [] : ["-p", String(host.sshPort)]),
    host.sshUser === undefined ? address : `${host.sshUser}@${address}`,
  ];
  const settings = [
    "BatchMode=yes",
    `ConnectTimeout=${reach.connectTimeoutSeconds}`,
    "ServerAliveInterval=15", // so that a host that has gone is noticed
    "ServerAliveCountMax=4",
    "ControlMaster=no", // one that is there is used; a new one would outlive us and hold our pipes
    "RemoteCommand=none",
    "LogLevel=ERROR",
    "ForwardAgent=no",
    "ForwardX11=no",
  ];
  const options = [
    ...(reach.sshConfigFile === undefined ? [] : ["-F", reach.sshConfigFile]),
    "-T",
    ...settings.flatMap((setting) => ["-o", setting]),
  ];
  return {
    name,
    argv: ["ssh", ...options, ...where.slice(0, -1), "--", ...where.slice(-1), ...shell],
    address,
    ssh: `ssh ${where.join(" ")}`,
    key: where.join(" "),
  };
}

/** A user or a port for ssh says that ssh is meant, through a tunnel for one. */
function isThisMachine({ address, sshUser, sshPort }: Host): boolean {
  if (sshUser !== undefined || sshPort !== undefined) return false;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    address === "localhost" ||
    address === hostname() ||
    own.some((entry) => entry.address === address)
  );
}

/** The address of a port for HTTP. */
export function httpUrl(address: string, port: number, path: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${port}${path}`;
}
