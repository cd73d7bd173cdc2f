const GAP = "  ";

/**
 * Rows of cells as lines, the columns aligned and two blanks apart. Cells hold no control characters but may be
 * decorated by `decorate`, which must not change how wide they look.
 */
export async function layOut(
  rows: readonly (readonly string[])[],
  decorate: (cell: string, row: number, column: number) => string,
): Promise<string[]> {
  const decorated = rows.map((cells, row) => cells.map((cell, column) => decorate(cell, row, column)));
  return rows.flat().every(isPlain) ? alignPlain(rows, decorated) : await alignAny(decorated);
}

function isPlain(cell: string): boolean {
  return /^[\x20-\x7e]*$/.test(cell);
}

function alignPlain(
  rows: readonly (readonly string[])[],
  decorated: readonly (readonly string[])[],
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return decorated.map((cells, row) =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - (rows[row]?.[column]?.length ?? 0)))
      .join(GAP)
      .trimEnd(),
  );
}

/** The library knows how wide the signs of all scripts are; starting it takes as long as a call, so only for these. */
async function alignAny(decorated: readonly (readonly string[])[]): Promise<string[]> {
  const { default: Table } = await import("cli-table3");
  const table = new Table({ ...BORDERLESS });
  table.push(...decorated.map((cells) => [...cells]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

const BORDERLESS = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: GAP,
  },
  style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
};
