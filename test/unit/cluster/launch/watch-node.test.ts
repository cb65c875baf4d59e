import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectionTo } from "../../../../src/cluster/launch/host-connection.ts";
import { watchNode } from "../../../../src/cluster/launch/watch-node.ts";
import { hostAt } from "../../../support/deployments.ts";
import { newFolder } from "../../../support/kimi.ts";
import { isSshdThere, startSshd } from "../../../support/loopback-sshd.ts";

/** A folder as a node's start leaves it, and the process. */
function startedNode() {
  const folder = newFolder();
  const node = spawn("sleep", ["1000"], { stdio: "ignore" });
  onTestFinished(() => void node.kill("SIGKILL"));
  const stat = readFileSync(`/proc/${node.pid}/stat`, "utf8");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  writeFileSync(join(folder, "node-0.pid"), `${node.pid} ${start}\n`);
  writeFileSync(join(folder, "node-0.log"), "");
  const lines: string[] = [];
  const lost: string[] = [];
  return {
    place: { id: "1", folder, node: "node-0" },
    log: (text: string | Uint8Array) => appendFileSync(join(folder, "node-0.log"), text),
    end(status?: number) {
      if (status !== undefined) writeFileSync(join(folder, "node-0.exit"), `${status}\n`);
      node.kill("SIGKILL");
    },
    lines,
    lost,
    onLine: (line: string) => void lines.push(line),
    onLost: (reason: string) => void lost.push(reason),
  };
}

const here = connectionTo(hostAt("localhost"), { isLocal: false, connectTimeoutSeconds: 5 });

test("lines come as they are written, whole characters and a last one without a break among them", async () => {
  const node = startedNode();
  const watch = watchNode({ host: here, ...node });
  const bytes = Buffer.from("zero 界\r\n 50 %\r100 %\n\nlast");
  node.log(bytes.subarray(0, 6));
  node.log(bytes.subarray(6, 18));
  await expect.poll(() => node.lines).toEqual(["zero 界", " 50 %"]);
  node.log(bytes.subarray(18));
  node.end(7);
  expect(await watch.exit).toEqual({ status: 7 });
  expect(node.lines).toEqual(["zero 界", " 50 %", "100 %", "last"]);
  expect(node.lost).toEqual([]);
});

test("a node that was killed with its shell has no status", async () => {
  const node = startedNode();
  const watch = watchNode({ host: here, ...node });
  node.end();
  expect(await watch.exit).toEqual({ status: undefined });
});

test("a watch that is closed tells no end, and leaves nothing running", async () => {
  const node = startedNode();
  const watch = watchNode({ host: here, ...node });
  node.log("first\n");
  await expect.poll(() => node.lines).toEqual(["first"]);
  watch.close();
  expect(await watch.exit).toBeUndefined();
  expect(childrenOf(process.pid).filter((line) => line.startsWith("sh "))).toEqual([]);
});

test("one endless line is cut, not kept", async () => {
  const node = startedNode();
  const watch = watchNode({ host: here, ...node });
  node.log("x".repeat(100_000));
  node.end(0);
  await watch.exit;
  expect(node.lines.join("")).toBe("x".repeat(100_000));
  expect(Math.max(...node.lines.map((line) => line.length))).toBe(16_384);
});

test.skipIf(!isSshdThere)(
  "a connection that breaks is made again, and no line comes twice",
  async () => {
    const sshd = await startSshd();
    onTestFinished(() => sshd.stop());
    const host = connectionTo(hostAt("127.0.0.2", { sshPort: sshd.port, sshUser: sshd.user }), {
      isLocal: false,
      sshConfigFile: sshd.configFile,
      connectTimeoutSeconds: 5,
    });
    const node = startedNode();
    const watch = watchNode({ host, ...node });
    node.log("first\nsec");
    await expect.poll(() => node.lines, { timeout: 10_000 }).toEqual(["first"]);
    const [ssh = "0"] = childrenOf(process.pid)
      .filter((line) => line.includes("-F"))
      .map((line) => line.split("\t")[1]);
    process.kill(Number(ssh), "SIGKILL");
    await expect
      .poll(() => node.lost, { timeout: 10_000 })
      .toEqual(["host h127002 does not answer: the connection broke"]);
    node.log("ond\nthird\n");
    await expect.poll(() => node.lines, { timeout: 10_000 }).toEqual(["first", "second", "third"]);
    node.end(0);
    expect(await watch.exit).toEqual({ status: 0 });
  },
);

/** Command lines, and behind a tab the ids, of a process's children. */
function childrenOf(parent: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (Number(ppid) !== parent || state === "Z") return [];
        return [`${readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")}\t${pid}`];
      } catch {
        return []; // it has ended
      }
    });
}
