import type { Tag } from "../../aws/shapes.ts";
import { limitFault, validationFault } from "./fault.ts";

/** The usual AWS limit of one resource; the model's 200 bounds one call. */
const MAX_TAGS = 50;

/** `tags` with `changes` added: an existing key takes the new value. Throws a Fault when a tag rule is broken. */
export function mergeTags(tags: readonly Tag[], changes: readonly Tag[]): Tag[] {
  const keys = changes.map((tag) => tag.key);
  const repeated = keys.find((key, index) => keys.indexOf(key) !== index);
  if (repeated !== undefined) throw validationFault(`Tag key '${repeated}' is given more than once`);
  const reserved = keys.find((key) => key.toLowerCase().startsWith("aws:"));
  if (reserved !== undefined) {
    throw validationFault(`Tag key '${reserved}' begins with 'aws:', which is reserved for AWS`);
  }
  const merged = new Map(tags.map((tag) => [tag.key, tag.value]));
  for (const tag of changes) merged.set(tag.key, tag.value);
  if (merged.size > MAX_TAGS) {
    throw limitFault(`The tunnel would have ${merged.size} tags; the limit is ${MAX_TAGS}`);
  }
  return Array.from(merged, ([key, value]) => ({ key, value }));
}

/** `tags` without those of `keys`; a key that is not there is no error. */
export function removeTags(tags: readonly Tag[], keys: readonly string[]): Tag[] {
  return tags.filter((tag) => !keys.includes(tag.key));
}
