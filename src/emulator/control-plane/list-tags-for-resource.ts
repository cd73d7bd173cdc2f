import { RESOURCE_ARN } from "./members.ts";
import type { Operation } from "./operation.ts";

export const listTagsForResource: Operation<"ListTagsForResource"> = {
  input: { type: "structure", required: ["resourceArn"], members: { resourceArn: RESOURCE_ARN } },
  run({ resourceArn }, tunnels) {
    return { tags: tunnels.tagsOf(resourceArn) };
  },
};
