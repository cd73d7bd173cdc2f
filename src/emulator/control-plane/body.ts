import { validationFault } from "./fault.ts";

/** Right requests have five levels. Reading and quoting what is nested thousands of levels deep takes seconds. */
const MAX_DEPTH = 32;

/** The JSON of a body. An empty one is an empty request, as some clients send it. Throws a ValidationException. */
export function parseBody(text: string): unknown {
  if (isNestedBeyond(MAX_DEPTH, text)) {
    throw validationFault(`The body is nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw validationFault("The body is not JSON");
  }
}

/** Whether JSON opens more than `limit` objects and lists within each other, found without parsing it. */
function isNestedBeyond(limit: number, text: string): boolean {
  let depth = 0;
  // Strings are skipped whole: brackets in them nest nothing.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[\]{}]/gs)) {
    if (token === "[" || token === "{") {
      depth += 1;
    } else if (token === "]" || token === "}") {
      depth -= 1;
    }
    if (depth > limit) {
      return true;
    }
  }
  return false;
}
