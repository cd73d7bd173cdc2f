import type { OperationName } from "../../aws/shapes.ts";
import { Fault } from "../tunnels/fault.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { closeTunnel } from "./close-tunnel.ts";
import { checkRequest } from "./constraints.ts";
import { describeTunnel } from "./describe-tunnel.ts";
import { listTagsForResource } from "./list-tags-for-resource.ts";
import { listTunnels } from "./list-tunnels.ts";
import { openTunnel } from "./open-tunnel.ts";
import type { Operation } from "./operation.ts";
import { rotateTunnelAccessToken } from "./rotate-tunnel-access-token.ts";
import { tagResource } from "./tag-resource.ts";
import { untagResource } from "./untag-resource.ts";

/** Yes, "Secured": the service id has no d, its target prefix and signing name have. */
export const TARGET_PREFIX = "IoTSecuredTunneling";

/** Every operation of the service, by the name in `X-Amz-Target`. */
export const OPERATIONS: { readonly [Name in OperationName]: Operation<Name> } = {
  OpenTunnel: openTunnel,
  RotateTunnelAccessToken: rotateTunnelAccessToken,
  DescribeTunnel: describeTunnel,
  ListTunnels: listTunnels,
  CloseTunnel: closeTunnel,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTagsForResource: listTagsForResource,
};

/** Name of the operation in `X-Amz-Target`; throws an UnknownOperationException. */
export function operationOf(target: string | undefined): OperationName {
  const [prefix, name, ...rest] = (target ?? "").split(".");
  if (prefix !== TARGET_PREFIX || name === undefined || !Object.hasOwn(OPERATIONS, name) || rest.length > 0) {
    throw new Fault("UnknownOperationException", `X-Amz-Target has to be ${TARGET_PREFIX}.<operation>`);
  }
  return name as OperationName;
}

/** Checks the request against the model and carries the operation out; throws Fault. */
export function runOperation<Name extends OperationName>(
  name: Name,
  request: unknown,
  tunnels: Tunnels,
): object {
  const operation: Operation<Name> = OPERATIONS[name];
  return operation.run(checkRequest(operation.input, request) as never, tunnels);
}
