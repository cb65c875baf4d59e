import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { writeFormat } from "../../../../src/cluster/formats/write-format.ts";
import { validator } from "../../../support/cluster-schemas.ts";
import { containerPlans } from "../../../support/deployment-plans.ts";

/** The projects' own schemas, which are not in the repository: see test/fixtures/cluster/README.md. */
const folder = process.env["KIMI_SCHEMAS"] ?? "";
const composeSchema = join(folder, "compose-spec.json");
const leaderWorkerSet = join(folder, "leaderworkersets.yaml");

const plans = containerPlans();

test.skipIf(folder === "" || !existsSync(composeSchema))(
  "the Compose specification's own schema takes every compose.yaml",
  () => {
    const schema = JSON.parse(readFileSync(composeSchema, "utf8")) as Record<string, unknown>;
    const errors = validator({ ...schema, $schema: undefined });
    for (const [name, plan] of plans) {
      expect(errors(parse(writeFormat(plan, "compose").stdout)), name).toBe("");
    }
    expect(errors({ services: { a: { imag: "b" } } })).not.toBe("");
  },
);

test.skipIf(folder === "" || !existsSync(leaderWorkerSet))(
  "LeaderWorkerSet's own schema takes every set",
  () => {
    const definition = parse(readFileSync(leaderWorkerSet, "utf8")) as {
      spec: { versions: { name: string; schema: { openAPIV3Schema: object } }[] };
    };
    const schema = definition.spec.versions.find(({ name }) => name === "v1")?.schema;
    const errors = validator(closed(schema?.openAPIV3Schema) as Record<string, unknown>);
    let count = 0;
    for (const [name, plan] of plans) {
      for (const document of parseAllDocuments(writeFormat(plan, "kubernetes").stdout)) {
        const object = document.toJS() as { kind: string };
        if (object.kind !== "LeaderWorkerSet") continue;
        expect(errors({ ...object, metadata: {} }), name).toBe("");
        count++;
      }
    }
    expect(count).toBe(5);
    expect(errors({ spec: { leaderWorkerTemplate: { workerTemplate: {}, sice: 2 } } })).not.toBe(
      "",
    );
  },
);

/** A structural schema lets a cluster drop unknown keys; here they are errors. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)]),
  );
  const isObject = typeof inner["properties"] === "object" && inner["type"] === "object";
  return isObject && !("additionalProperties" in inner)
    ? { ...inner, additionalProperties: false }
    : inner;
}
