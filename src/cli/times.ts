/** Local time of day, with the date when it is not today's. */
export function formatTime(time: Date, now: Date): string {
  const clock = time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const sameDay = time.toDateString() === now.toDateString();
  return sameDay ? clock : `${time.toLocaleDateString("en-CA")} ${clock}`;
}

/** A length of time in hours and minutes, e.g. "11 h 59 min"; in seconds when it is below a minute. */
function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** When something ends, and how long that still is. */
export function formatEnd(end: Date, now: Date): string {
  const left = end.getTime() - now.getTime();
  return left <= 0
    ? `${formatTime(end, now)} (over)`
    : `${formatTime(end, now)} (${formatDuration(left)} left)`;
}
