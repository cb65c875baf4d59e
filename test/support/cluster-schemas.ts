import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const folder = new URL("../fixtures/cluster/", import.meta.url);

type Schema = Record<string, unknown>;

/** A function that says what is wrong with a value. Formats (`int32`) are not checked. */
export function validator(
  schema: Schema,
  references: readonly Schema[] = [],
): (value: unknown) => string {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  for (const reference of references) ajv.addSchema(reference);
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? "" : ajv.errorsText(validate.errors, { separator: "\n" }));
}

function fixture(name: string): Schema {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Schema;
}

const kubernetes = fixture("kubernetes.schema.json");

/** What is wrong with a Compose file; nothing: "". */
export const composeErrors = validator(fixture("compose.schema.json"));

const leaderWorkerSetErrors = validator(fixture("leader-worker-set.schema.json"), [kubernetes]);

const kinds: Readonly<Record<string, (value: unknown) => string>> = {
  LeaderWorkerSet: leaderWorkerSetErrors,
  ...Object.fromEntries(
    [
      ["Deployment", "io.k8s.api.apps.v1.Deployment"],
      ["Service", "io.k8s.api.core.v1.Service"],
      ["ConfigMap", "io.k8s.api.core.v1.ConfigMap"],
    ].map(([kind = "", name]) => [
      kind,
      validator({ $ref: `kubernetes.schema.json#/$defs/${name}` }, [kubernetes]),
    ]),
  ),
};

/** What is wrong with an object of Kubernetes; nothing: "". */
export function kubernetesErrors(object: unknown): string {
  const { kind, apiVersion } = object as { kind: string; apiVersion?: string };
  if (apiVersion === undefined) return `${kind} has no apiVersion`;
  return kinds[kind]?.(object) ?? `no schema for ${kind}`;
}
