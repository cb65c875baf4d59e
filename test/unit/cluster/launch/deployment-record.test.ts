import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  checkDeploymentName,
  claimName,
  findDeployment,
  isLauncherAlive,
  isStoppedElsewhere,
  launcherOf,
  listDeployments,
  markStopping,
  releaseName,
  type DeploymentRecord,
} from "../../../../src/cluster/launch/deployment-record.ts";
import { planOf, testNode } from "../../../support/deployments.ts";
import { newFolder } from "../../../support/kimi.ts";

function recordOf(id: string, more: Partial<DeploymentRecord> = {}): DeploymentRecord {
  return {
    version: 1,
    name: "k2",
    id,
    createdAt: "2026-11-28T00:00:00.000Z",
    launcher: launcherOf(process.pid),
    folder: ".cache/kimi/deploy/k2",
    reach: { isLocal: true, connectTimeoutSeconds: 10 },
    plan: planOf([testNode({ name: "node-0", port: 8_000 })]),
    ...more,
  };
}

test("who claims a name second gets the first one's record, and releasing it needs the right one", () => {
  const folder = join(newFolder(), "deployments");
  const [first, second] = [recordOf("1"), recordOf("2")];
  expect(claimName(folder, first)).toBeUndefined();
  expect(claimName(folder, second)).toEqual(first);
  releaseName(folder, second);
  expect(findDeployment(folder, "k2")).toEqual(first);
  releaseName(folder, first);
  expect(listDeployments(folder)).toEqual([]);
  expect(claimName(folder, second)).toBeUndefined();
  expect(readdirSync(folder)).toEqual(["k2.json"]);
});

test("a name that would be a path is refused", () => {
  for (const name of ["", "..", "a/b", ".hidden", "a b", "x".repeat(65)])
    expect(() => checkDeploymentName(name)).toThrow("is no name for a deployment");
  expect(() => findDeployment(newFolder(), "../k2")).toThrow("is no name for a deployment");
});

test("a damaged record is left out of the list, and a launch of that name says where it is", () => {
  const folder = newFolder();
  claimName(folder, recordOf("1", { name: "whole" }));
  writeFileSync(join(folder, "k2.json"), '{"version":1,"name":"k');
  expect(listDeployments(folder).map(({ name }) => name)).toEqual(["whole"]);
  expect(() => findDeployment(folder, "k2")).toThrow("there is no deployment k2");
  expect(() => claimName(folder, recordOf("2"))).toThrow(join(folder, "k2.json"));
});

test("a launcher is alive only with the start that it had", () => {
  expect(isLauncherAlive(recordOf("1"))).toBe(true);
  const launcher = launcherOf(process.pid);
  expect(isLauncherAlive(recordOf("1", { launcher: { ...launcher, started: "1" } }))).toBe(false);
  expect(isLauncherAlive(recordOf("1", { launcher: { ...launcher, host: "other" } }))).toBe(false);
});

test("who holds a deployment sees that another one stops it", () => {
  const folder = newFolder();
  const record = recordOf("1");
  claimName(folder, record);
  markStopping(folder, record);
  expect(isStoppedElsewhere(folder, record)).toBe(false); // by this process itself
  releaseName(folder, record);
  expect(isStoppedElsewhere(folder, record)).toBe(true);
});
