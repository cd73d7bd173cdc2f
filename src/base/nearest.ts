import leven from "leven";

/** The candidate that differs least, if it differs by two letters at most and by less than half of the word. */
export function nearest(
  word: string,
  candidates: readonly string[],
  prefixLength: number,
): string | undefined {
  const limit = Math.min(2, Math.floor((word.length - prefixLength) / 2));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: leven(word, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}
