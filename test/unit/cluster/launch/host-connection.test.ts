import { hostname } from "node:os";
import { expect, test } from "vitest";
import { connectionTo, httpUrl } from "../../../../src/cluster/launch/host-connection.ts";
import { hostAt } from "../../../support/deployments.ts";

const reach = { isLocal: false, connectTimeoutSeconds: 7 };

test("this machine needs no ssh, whatever it is called", () => {
  for (const address of ["localhost", "127.0.0.1", "::1", hostname()])
    expect(connectionTo(hostAt(address), reach).argv).toEqual(["sh", "-s"]);
  expect(connectionTo(hostAt("gpu7"), { ...reach, isLocal: true })).toMatchObject({
    argv: ["sh", "-s"],
    address: "127.0.0.1",
  });
});

test("other hosts are reached by the system's ssh, which asks nothing", () => {
  const { argv, ssh } = connectionTo(hostAt("gpu7", { sshUser: "me", sshPort: 2222 }), {
    ...reach,
    sshConfigFile: "/etc/my ssh",
  });
  expect(argv.slice(0, 3)).toEqual(["ssh", "-F", "/etc/my ssh"]);
  expect(argv).toEqual(expect.arrayContaining(["BatchMode=yes", "ConnectTimeout=7"]));
  expect(argv.slice(-6)).toEqual(["-p", "2222", "--", "me@gpu7", "sh", "-s"]);
  expect(ssh).toBe("ssh -p 2222 me@gpu7");
});

test("a user or a port for ssh says that ssh is meant, also on localhost", () => {
  expect(connectionTo(hostAt("localhost", { sshPort: 2222 }), reach).argv[0]).toBe("ssh");
});

test("an IPv6 address stands in brackets", () => {
  expect(httpUrl("fe80::1", 8000, "/health")).toBe("http://[fe80::1]:8000/health");
  expect(httpUrl("gpu7", 8000, "/v1")).toBe("http://gpu7:8000/v1");
});
