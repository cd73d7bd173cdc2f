// Checks a request against the constraints of the service model. The AWS clients check required members and minima
// only, so all the rest comes here unchecked.
import { escapeControl } from "../../base/escape.ts";
import { validationFault } from "../tunnels/fault.ts";

/** What the model says of a value. `values` is an enumeration; lengths count code points. */
export type Constraint =
  | {
      readonly type: "string";
      readonly min?: number;
      readonly max?: number;
      /** Source of a regular expression that has to match the whole string. */
      readonly pattern?: string;
      readonly values?: readonly string[];
    }
  | { readonly type: "integer"; readonly min: number; readonly max: number }
  | { readonly type: "boolean" }
  | { readonly type: "list"; readonly of: Constraint; readonly min: number; readonly max?: number }
  | StructureConstraint;

export interface StructureConstraint {
  readonly type: "structure";
  readonly required?: readonly string[];
  readonly members: Readonly<Record<string, Constraint>>;
}

/** Violations named in one answer: a list of 200 bad tags must not make a page of text. */
const MAX_VIOLATIONS = 10;
const MAX_VALUE_LENGTH = 128;
/** No more are looked for in the items of a list: a list without maximum may have hundreds of thousands. */
const MAX_COUNTED = 1_000;
/** The model allows 4,096 code points at most, of two units each. What is longer is neither counted nor searched. */
const LONGEST_UNITS = 8_192;

const patterns = new Map<string, RegExp>();

/**
 * Returns `request` with the members that the model knows, checked; others are dropped, and null counts as absent,
 * as AWS JSON has it. Throws a ValidationException naming member, value and limit of what is wrong.
 */
export function checkRequest(constraint: StructureConstraint, request: unknown): Record<string, unknown> {
  const violations: string[] = [];
  const checked = checkStructure(constraint, request, "", violations);
  if (violations.length > 0) {
    const noun = violations.length === 1 ? "error" : "errors";
    const shown = violations.slice(0, MAX_VIOLATIONS).join("; ");
    throw validationFault(`${violations.length} validation ${noun} detected: ${shown}`);
  }
  return checked;
}

function check(constraint: Constraint, value: unknown, path: string, violations: string[]): unknown {
  switch (constraint.type) {
    case "string":
      checkString(constraint, value, path, violations);
      return value;
    case "integer":
      checkInteger(constraint, value, path, violations);
      return value;
    case "boolean":
      if (typeof value !== "boolean") violations.push(violation(value, path, "Member must be a boolean"));
      return value;
    case "list":
      return checkList(constraint, value, path, violations);
    case "structure":
      return checkStructure(constraint, value, path, violations);
  }
}

function checkString(
  constraint: Constraint & { type: "string" },
  value: unknown,
  path: string,
  violations: string[],
): void {
  if (typeof value !== "string") {
    violations.push(violation(value, path, "Member must be a string"));
    return;
  }
  const { min = 0, max = Number.POSITIVE_INFINITY, pattern, values } = constraint;
  const isFarTooLong = value.length > LONGEST_UNITS;
  const length = isFarTooLong ? value.length : countCodePoints(value);
  if (length < min) {
    violations.push(violation(value, path, `Member must have length greater than or equal to ${min}`));
  }
  if (length > max) {
    violations.push(violation(value, path, `Member must have length less than or equal to ${max}`));
  }
  // Where a maximum is given, that is what the sentence is about.
  const breaksPattern =
    pattern !== undefined && (isFarTooLong ? max === Number.POSITIVE_INFINITY : !matches(pattern, value));
  if (breaksPattern) {
    violations.push(violation(value, path, `Member must satisfy regular expression pattern: ${pattern}`));
  }
  if (values !== undefined && !values.includes(value)) {
    violations.push(violation(value, path, `Member must satisfy enum value set: [${values.join(", ")}]`));
  }
}

/** Whether the whole string matches. Patterns are the model's own, a handful: each is compiled once. */
function matches(pattern: string, value: string): boolean {
  const known = patterns.get(pattern) ?? new RegExp(`^(?:${pattern})$`, "u");
  patterns.set(pattern, known);
  return known.test(value);
}

function checkInteger(
  constraint: Constraint & { type: "integer" },
  value: unknown,
  path: string,
  violations: string[],
): void {
  if (!Number.isInteger(value)) {
    violations.push(violation(value, path, "Member must be an integer"));
  } else if ((value as number) < constraint.min) {
    violations.push(
      violation(value, path, `Member must have value greater than or equal to ${constraint.min}`),
    );
  } else if ((value as number) > constraint.max) {
    violations.push(violation(value, path, `Member must have value less than or equal to ${constraint.max}`));
  }
}

function checkList(
  constraint: Constraint & { type: "list" },
  value: unknown,
  path: string,
  violations: string[],
): unknown {
  if (!Array.isArray(value)) {
    violations.push(violation(value, path, "Member must be a list"));
    return value;
  }
  const { min, max = Number.POSITIVE_INFINITY } = constraint;
  if (value.length < min) {
    violations.push(violation(value, path, `Member must have length greater than or equal to ${min}`));
  }
  if (value.length > max) {
    violations.push(violation(value, path, `Member must have length less than or equal to ${max}`));
    return value;
  }
  return value.map((item: unknown, index) => {
    if (violations.length >= MAX_COUNTED) return item;
    const itemPath = `${path}.${index + 1}.member`;
    if (item === null) {
      violations.push(violation(null, itemPath, "Member must not be null"));
      return item;
    }
    return check(constraint.of, item, itemPath, violations);
  });
}

function checkStructure(
  constraint: StructureConstraint,
  value: unknown,
  path: string,
  violations: string[],
): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    violations.push(violation(value, path === "" ? "request" : path, "Member must be a structure"));
    return {};
  }
  const given = value as Readonly<Record<string, unknown>>;
  const checked: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(constraint.members)) {
    const memberPath = path === "" ? name : `${path}.${name}`;
    const memberValue = (Object.hasOwn(given, name) ? given[name] : undefined) ?? undefined;
    if (memberValue !== undefined) {
      checked[name] = check(member, memberValue, memberPath, violations);
    } else if (constraint.required?.includes(name)) {
      violations.push(violation(null, memberPath, "Member must not be null"));
    }
  }
  return checked;
}

function violation(value: unknown, path: string, constraint: string): string {
  return `Value ${describeValue(value)} at '${path}' failed to satisfy constraint: ${constraint}`;
}

/** No member of a request is secret: access tokens come in headers of the data plane only. */
function describeValue(value: unknown): string {
  const text = typeof value === "object" ? quoteJson(value, MAX_VALUE_LENGTH) : String(value);
  return value === null ? "null" : `'${escapeControl(text, MAX_VALUE_LENGTH)}'`;
}

/** JSON of a value, written no further than a little beyond `length`: a megabyte of it is not made to be cut. */
function quoteJson(value: unknown, length: number): string {
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(typeof value === "string" ? value.slice(0, length) : value);
  }
  const isList = Array.isArray(value);
  let text = isList ? "[" : "{";
  for (const name in value) {
    if (text.length > length) return text;
    const label = isList ? "" : `${JSON.stringify(name.slice(0, length))}:`;
    const comma = text.length > 1 ? "," : "";
    text += `${comma}${label}${quoteJson((value as Record<string, unknown>)[name], length - text.length)}`;
  }
  return text + (isList ? "]" : "}");
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
