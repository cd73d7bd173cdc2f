import { validationFault } from "../tunnels/fault.ts";
import { isNestedBeyond } from "./json-depth.ts";

/** Right requests have five levels. Reading and quoting what is nested thousands of levels deep takes seconds. */
const MAX_DEPTH = 32;

/** The JSON of a body. An empty one is an empty request, as some clients send it. Throws a ValidationException. */
export function parseBody(body: Uint8Array): unknown {
  if (isNestedBeyond(MAX_DEPTH, body)) {
    throw validationFault(`The body is nested deeper than ${MAX_DEPTH} levels`);
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw validationFault("The body is not JSON");
  }
}
