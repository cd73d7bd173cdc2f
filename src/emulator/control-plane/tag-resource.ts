import { RESOURCE_ARN, TAGS } from "./members.ts";
import type { Operation } from "./operation.ts";

export const tagResource: Operation<"TagResource"> = {
  input: {
    type: "structure",
    required: ["resourceArn", "tags"],
    members: { resourceArn: RESOURCE_ARN, tags: TAGS },
  },
  run({ resourceArn, tags }, tunnels) {
    tunnels.tag(resourceArn, tags);
    return {};
  },
};
