/** Local time of day, with the date when it is not today's. By hand: the locale's data take 10 ms to load. */
export function formatTime(time: Date, now: Date): string {
  const clock = `${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}`;
  const isToday = time.toDateString() === now.toDateString();
  return isToday
    ? clock
    : `${time.getFullYear()}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())} ${clock}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** A length of time in hours and minutes, e.g. "11 h 59 min"; in seconds when it is below a minute. */
function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
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
