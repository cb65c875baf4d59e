import type { ErrorObject } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Ajv } from "ajv";
import { messageOf } from "../errors.ts";
import type { JsonSchema } from "../message.ts";

/** Says what is wrong with a value, for the model to read; `undefined` if nothing is. */
export type Validate = (value: unknown) => string | undefined;

/**
 * With `isChecked` false a schema is taken to be one, which saves the compilation of the schema of
 * schemas (150 ms).
 * @throws Error with what is wrong with the schema itself.
 */
export function compileSchema(schema: JsonSchema, { isChecked = true } = {}): Validate {
  const declared = typeof schema["$schema"] === "string" ? schema["$schema"] : "";
  const options = {
    strict: false,
    allErrors: true,
    validateFormats: false,
    logger: false,
    validateSchema: isChecked,
  } as const;
  const ajv = declared.includes("draft-07") ? new Ajv(options) : new Ajv2020(options);
  let validate;
  try {
    validate = ajv.compile(schema);
  } catch (cause) {
    throw new Error(messageOf(cause), { cause });
  }
  if ("$async" in validate) throw new Error("$async is not supported");
  return (value) =>
    validate(value) ? undefined : (validate.errors ?? []).map(describe).join("; ");
}

function describe({ instancePath, message = "is invalid", params }: ErrorObject): string {
  const where = instancePath === "" ? "" : `${instancePath.slice(1).replaceAll("/", ".")} `;
  const allowed = params["allowedValues"] as readonly unknown[] | undefined;
  const extra = params["additionalProperty"] as string | undefined;
  const detail = allowed ? `: ${JSON.stringify(allowed)}` : extra === undefined ? "" : `: ${extra}`;
  return `${where}${message}${detail}`;
}
