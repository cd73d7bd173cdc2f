import { RESOURCE_ARN, TAG_KEY } from "./members.ts";
import type { Operation } from "./operation.ts";

export const untagResource: Operation<"UntagResource"> = {
  input: {
    type: "structure",
    required: ["resourceArn", "tagKeys"],
    members: { resourceArn: RESOURCE_ARN, tagKeys: { type: "list", of: TAG_KEY, min: 0, max: 200 } },
  },
  run({ resourceArn, tagKeys }, tunnels) {
    tunnels.untag(resourceArn, tagKeys);
    return {};
  },
};
