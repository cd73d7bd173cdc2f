import { readJson } from "./shape.ts";

/** An object of JSON, whatever its members are. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value of JSON is an object: no list, no null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text of JSON holds; absent for any other text. Never throws. */
export function jsonObject(text: string): JsonObject | undefined {
  return readJson<JsonObject>(text, isObject);
}
