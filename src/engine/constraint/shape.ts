import type { NumberRange } from "./number-range.ts";
import type { TextState } from "./text-states.ts";

/** JSON values of some kind: what a schema says, without its logic. */
export interface Shape {
  /** Ways to be such a value; none if there is no such value. Worked out when first asked for. */
  readonly kinds: readonly Kind[];
}

export type Kind =
  /** `true`, `false`, `null`, or one number. */
  | { readonly type: "literal"; readonly text: string }
  | { readonly type: "string"; readonly text: TextState }
  | { readonly type: "number"; readonly range: NumberRange }
  | ArrayKind
  | ObjectKind;

export interface ArrayKind {
  readonly type: "array";
  /** Of the first items; `rest` is of those after them. */
  readonly first: readonly Shape[];
  readonly rest: Shape;
  readonly least: number;
  readonly most: number;
}

export interface ObjectKind {
  readonly type: "object";
  /** By name. No other property has one of these names. */
  readonly properties: ReadonlyMap<string, Property>;
  /** Of properties with other names; left out if there may be none. */
  readonly others?: Shape;
  readonly least: number;
  readonly most: number;
}

export interface Property {
  readonly shape: Shape;
  readonly isRequired: boolean;
}
