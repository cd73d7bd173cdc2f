/** Whether a topic filter is written as MQTT 3.1.1 section 4.7 says: wildcards fill a level, # is the last. */
export function isTopicFilter(filter: string): boolean {
  const levels = filter.split("/");
  return (
    filter !== "" &&
    levels.every((level, index) =>
      level === "#" ? index === levels.length - 1 : level === "+" || !/[+#]/.test(level),
    )
  );
}

/** Whether a topic matches a filter, neither of which begins with a wildcard. */
export function matchesTopic(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  const rest = wanted.indexOf("#");
  const isLongEnough = rest === -1 ? levels.length === wanted.length : levels.length >= rest;
  return (
    isLongEnough && wanted.every((level, index) => level === "#" || level === "+" || level === levels[index])
  );
}
