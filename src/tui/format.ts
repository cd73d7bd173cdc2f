// Numbers for narrow columns. All pure.

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `0 B`, `999 B`, `1.2 kB`, `35 MB`: powers of 1000, at most seven characters. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
  return `${digits} ${BYTE_UNITS[unit]}`;
}

/** `5s`, `12m`, `3h07m`, `2d`: at most six characters. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h${String(minutes % 60).padStart(2, "0")}m`;
  return `${Math.floor(hours / 24)}d`;
}

/** `12 ms`, or `–` when it was never measured. */
export function formatRoundTrip(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "–" : `${Math.round(milliseconds)} ms`;
}

const BARS = "▁▂▃▄▅▆▇█";

/** A bar for each value, the last `width` of them, the largest one full; nothing for nothing. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const most = Math.max(1, ...shown);
  return shown.map((value) => BARS[Math.min(7, Math.floor((value / most) * 7.999))]).join("");
}

/** Cut or filled with spaces to exactly `width` characters. */
export function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);
}
