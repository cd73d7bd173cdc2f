// What a value that another process or another version wrote has to be, before it is believed.

/** Whether a value is of a shape. Never throws. */
export type Is = (value: unknown) => boolean;

export const isText: Is = (value) => typeof value === "string";
export const isNumber: Is = (value) => typeof value === "number" && Number.isFinite(value);

export const orAbsent =
  (is: Is): Is =>
  (value) =>
    value === undefined || is(value);

export const oneOf =
  (...choices: readonly unknown[]): Is =>
  (value) =>
    choices.includes(value);

export const listOf =
  (isMember: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(isMember);

/** What each member has to be; others may be there too. The types make sure that none is forgotten. */
export const shapeOf =
  <T>(members: { readonly [Name in keyof Required<T>]: Is }): Is =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries<Is>(members).every(([name, isMember]) =>
      isMember((value as Readonly<Record<string, unknown>>)[name]),
    );

/** The value of a JSON text that has the shape; undefined for any other text. Never throws. */
export function readJson<T>(text: string, is: Is): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return is(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
