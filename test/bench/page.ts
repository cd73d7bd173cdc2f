// The page that a run leaves behind, and its picture.
export interface Run {
  readonly version: string;
  readonly date: string;
  readonly machine: string;
  readonly versions: string;
  readonly rounds: number;
  readonly mib: number;
  /** Medians: by carrier, then by what was measured. */
  readonly medians: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const BAR_HEIGHT = 18;
const LABEL_WIDTH = 240;
const CHART_WIDTH = 460;

/** A table of all medians, and of what is measured of one carrier alone. */
export function page(run: Run): string {
  const carriers = [...run.medians.keys()];
  const names = new Set([...run.medians.values()].flatMap((figures) => [...figures.keys()]));
  const rows = [...names].map((name) => {
    const cells = carriers.map((carrier) => shown(run.medians.get(carrier)?.get(name)));
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  return `# Benchmarks

Written by \`scripts/bench\`: medians of ${run.rounds} interleaved rounds in one run, ${run.mib} MiB a transfer. Other machines give other
figures: read the ratios, and measure on yours.

tunnel ${run.version}, ${run.date}. ${run.machine}. ${run.versions}.

![Rates beside bare TLS](benchmarks.svg)

| | ${carriers.join(" | ")} |
|---|${carriers.map(() => "---:").join("|")}|
${rows.join("\n")}

- **up** is from the operator to the device, **down** the other way. Rates count the payload, once.
- socat and HAProxy carry over two hops of TLS, as the tunnel does, but know one destination only, no tokens and no
  multiplexing. \`ssh -L\` has one hop.
- **beside**: round trips of 100 bytes while one transfer runs at full speed. A slow hop carries 800 kB/s.
- The peak of memory is that of the whole run.
`;
}

/** Rates of all carriers as parts of socat's. */
export function picture({ medians }: Run, base: string): string {
  const names = [...(medians.get(base)?.keys() ?? [])].filter((name) => name.startsWith("MB/s"));
  const bars = names.flatMap((name) =>
    [...medians].map(([carrier, figures]) => ({
      label: `${name.slice("MB/s ".length)}: ${carrier}`,
      ratio: (figures.get(name) ?? 0) / (medians.get(base)?.get(name) ?? Number.NaN),
      isOurs: carrier === "tunnel",
    })),
  );
  const scale = CHART_WIDTH / Math.max(...bars.map(({ ratio }) => ratio));
  const rows = bars.map(({ label, ratio, isOurs }, index) => {
    const y = index * BAR_HEIGHT;
    const fill = isOurs ? "#1a7f64" : "#9aa5b1";
    const width = (ratio * scale).toFixed(1);
    return [
      `<text x="${LABEL_WIDTH - 6}" y="${y + 13}" text-anchor="end">${label}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width}" height="${BAR_HEIGHT - 4}" fill="${fill}"/>`,
      `<text x="${LABEL_WIDTH + Number(width) + 4}" y="${y + 13}">${ratio.toFixed(2)}</text>`,
    ].join("");
  });
  const width = LABEL_WIDTH + CHART_WIDTH + 50;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bars.length * BAR_HEIGHT + 4}" font-family="sans-serif" font-size="11" role="img" aria-label="Rates as parts of that of ${base}">
<rect width="100%" height="100%" fill="#fff"/>
${rows.join("\n")}
</svg>
`;
}

function shown(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
