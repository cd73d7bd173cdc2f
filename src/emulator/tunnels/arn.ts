/** ARN of a tunnel, in the form of today's documents (`arn:aws:tunnel:` is of 2019). */
export function tunnelArn(region: string, accountId: string, tunnelId: string): string {
  return `arn:${partitionOf(region)}:iot:${region}:${accountId}:tunnel/${tunnelId}`;
}

/** The part behind the last slash; what it names has to be compared with the whole ARN. */
export function tunnelIdOf(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
