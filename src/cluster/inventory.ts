/** A cluster as a YAML file describes it. */
import { parseDocument } from "yaml";
import { KimiError, messageOf } from "../errors.ts";
import { findAccelerator } from "./accelerators.ts";
import { fileName, isAddress, isPort, mostGpus, type Cluster } from "./cluster.ts";
import { cpuKinds, type CpuKind } from "./serving-engine.ts";

export interface Inventory {
  readonly cluster: Cluster;
  readonly cpu: CpuKind | undefined;
}

export interface InventoryText {
  readonly text: string;
  /** For messages. */
  readonly path: string;
  /** Reads `2T` or `512G` as bytes. */
  readonly parseSize: (text: string) => number | undefined;
}

const example = `hosts: [{ name: a, address: 10.0.0.1, gpu: h200, gpus: 8 }]`;

/**
 * Top-level keys are the defaults of every host: `gpu`, `gpus`, `memory`, `memory-bandwidth` (GB/s), `numa-nodes`,
 * `cores`, `cpu`, `ssh-user`, `ssh-port`; then `network` with `interface` and `infiniband`, and `hosts`.
 * @throws KimiError (usage) that names the file, the line or the key, and what it should be.
 */
export function readInventory({ text, path, parseSize }: InventoryText): Inventory {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error)
    throw bad(
      path,
      `is no YAML: ${(error.message.split("\n")[0] ?? "").replace(/:$/, "")}`,
      example,
    );
  const top = fieldsOf(contentOf(), { path, at: "", known: [...hostKeys, "network", "hosts"] });
  const list = top["hosts"];
  if (!Array.isArray(list) || list.length === 0)
    throw bad(path, "names no hosts", `It needs a list: ${example}`);
  const hosts = list.map((one: unknown, index) => readHost(one, `hosts[${index}]`));
  const [first] = hosts;
  if (!first) throw new Error("the list is not empty");
  requireSame(hosts);
  const network = fieldsOf(top["network"] ?? {}, {
    path,
    at: "network",
    known: ["interface", "infiniband"],
  });
  return {
    cluster: {
      accelerator: findAccelerator(first.gpu),
      gpusPerHost: first.host.gpus,
      hosts: hosts.map(({ host }) => host),
      hasStandIns: false,
      ramBytes: first.ramBytes,
      ramBandwidth: first.ramBandwidth,
      numaNodes: first.numaNodes,
      cores: first.cores,
      networkInterface: wordOf(network, "interface", "network.interface"),
      infinibandDevices: devicesOf(network["infiniband"]),
    },
    cpu: first.cpu,
  };

  function contentOf(): unknown {
    try {
      return document.toJS();
    } catch (thrown) {
      throw bad(path, `is no YAML: ${messageOf(thrown)}`, example);
    }
  }

  function readHost(value: unknown, at: string) {
    const own = fieldsOf(value, { path, at, known: [...hostKeys, "name", "address"] });
    const get = (key: string): unknown => own[key] ?? top[key];
    const required = (key: string): string => {
      const word = wordOf({ [key]: get(key) }, key, `${at}.${key}`);
      if (word === undefined)
        throw bad(path, `has no ${at}.${key}`, `A host is like this: ${example}`);
      return word;
    };
    const count = (key: string): number | undefined => countOf(get(key), `${at}.${key}`);
    const address = required("address");
    const gpus = count("gpus");
    if (!isAddress(address))
      throw bad(path, `has ${at}.address ${shown(address)}`, "Give a host's name or IP address.");
    const name = wordOf(own, "name", `${at}.name`) ?? fileName(address);
    if (!/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name))
      throw bad(path, `has ${at}.name ${shown(name)}`, "Use letters, digits, dots and dashes.");
    const sshPort = count("ssh-port");
    if (sshPort !== undefined && !isPort(sshPort))
      throw bad(path, `has ${at}.ssh-port ${sshPort}`, "A port is from 1 to 65535.");
    if ((gpus ?? 0) > mostGpus)
      throw bad(path, `has ${at}.gpus ${gpus}`, `A host has at most ${mostGpus}.`);
    if (gpus === undefined) throw bad(path, `has no ${at}.gpus`, "Say how many GPUs the host has.");
    const cpu = wordOf({ cpu: get("cpu") }, "cpu", `${at}.cpu`);
    const kind = cpuKinds.find((known) => known === cpu);
    if (cpu !== undefined && !kind)
      throw bad(path, `has ${at}.cpu ${cpu}`, `Give one of ${cpuKinds.join(", ")}.`);
    const bandwidth = count("memory-bandwidth");
    return {
      gpu: required("gpu"),
      host: {
        name,
        address,
        gpus,
        sshUser: wordOf({ user: get("ssh-user") }, "user", `${at}.ssh-user`),
        sshPort,
      },
      ramBytes: sizeOf(get("memory"), `${at}.memory`),
      ramBandwidth: bandwidth === undefined ? undefined : bandwidth * 1e9,
      numaNodes: count("numa-nodes"),
      cores: count("cores"),
      cpu: kind,
    };
  }

  function requireSame(all: readonly ReturnType<typeof readHost>[]): void {
    const [one] = all;
    const other = all.findIndex(
      ({ gpu, host }) =>
        gpu.toLowerCase() !== one?.gpu.toLowerCase() || host.gpus !== one.host.gpus,
    );
    if (other > 0)
      throw bad(
        path,
        `has other GPUs in hosts[${other}] than in hosts[0]`,
        "A plan is for hosts that are alike: write an inventory for each kind.",
      );
    for (const key of ["name", "address"] as const) {
      const values = all.map(({ host }) => host[key]);
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined)
        throw bad(path, `has two hosts with the ${key} ${twice}`, "Each has its own.");
    }
  }

  function countOf(value: unknown, at: string): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
    throw bad(path, `has ${at} ${JSON.stringify(value)}`, "It has to be a whole number from 1 on.");
  }

  function sizeOf(value: unknown, at: string): number | undefined {
    if (value === undefined || value === null) return undefined;
    const size = parseSize(shown(value));
    if (size === undefined) throw bad(path, `has ${at} ${shown(value)}`, "Write 512G or 2T.");
    return size;
  }

  function devicesOf(value: unknown): readonly string[] | undefined {
    if (value === undefined || value === null) return undefined;
    const all = [value].flat();
    if (all.every((one) => typeof one === "string" && /^[\w.:-]+$/.test(one)))
      return all as string[];
    throw bad(path, `has network.infiniband ${shown(value)}`, "Write devices: [mlx5_0, mlx5_1].");
  }

  function wordOf(fields: Fields, key: string, at: string): string | undefined {
    const value = fields[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw bad(path, `has no text at ${at}`, "It has to be a single word.");
  }
}

const hostKeys = [
  "gpu",
  "gpus",
  "memory",
  "memory-bandwidth",
  "numa-nodes",
  "cores",
  "cpu",
  "ssh-user",
  "ssh-port",
] as const;

type Fields = Readonly<Record<string, unknown>>;

interface FieldsPlace {
  readonly path: string;
  /** Empty: the whole file. */
  readonly at: string;
  readonly known: readonly string[];
}

function fieldsOf(value: unknown, { path, at, known }: FieldsPlace): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw bad(
      path,
      at === "" ? "has no keys" : `has no keys at ${at}`,
      `It is like this: ${example}`,
    );
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw bad(
      path,
      `has a key that is not known: ${at === "" ? unknown : `${at}.${unknown}`}`,
      `Known there are: ${known.join(", ")}.`,
    );
  return value as Fields;
}

function bad(path: string, what: string, hint: string): KimiError {
  return new KimiError(`the inventory ${path} ${what}`, { code: "usage", exitCode: 2, hint });
}

/** A word as it is, anything else as YAML would have it in one line. */
const shown = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);
