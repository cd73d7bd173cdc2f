const GAP = "  ";

/**
 * Rows of cells as lines, the columns aligned and two blanks apart. Cells hold no control characters but may be
 * decorated by `decorate`, which must not change how wide they look.
 */
export async function layOut(
  rows: readonly (readonly string[])[],
  decorate: (cell: string, row: number, column: number) => string,
): Promise<string[]> {
  const widthOf = await measureFor(rows.flat());
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => widthOf(cells[column] ?? ""))),
  );
  return rows.map((cells, row) => {
    const filled = cells.map((cell, column) => {
      const gap = " ".repeat((widths[column] ?? 0) - widthOf(cell));
      return decorate(cell, row, column) + gap;
    });
    return filled.join(GAP).trimEnd();
  });
}

/** The library knows how wide the signs of all scripts are, but takes 20 ms to load: only where some are not ASCII. */
async function measureFor(cells: readonly string[]): Promise<(cell: string) => number> {
  if (cells.every((cell) => /^[\x20-\x7e]*$/.test(cell))) return (cell) => cell.length;
  const { default: stringWidth } = await import("string-width");
  return (cell) => stringWidth(cell);
}
