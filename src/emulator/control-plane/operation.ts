import type { OperationName, Operations, Timestamp } from "../../aws/shapes.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import type { StructureConstraint } from "./constraints.ts";

/** One operation of the API: what its request has to look like, and what it does. `run` throws Fault. */
export interface Operation<Name extends OperationName> {
  readonly input: StructureConstraint;
  readonly run: (
    request: Operations[Name]["request"],
    tunnels: Tunnels,
  ) => Operations<Timestamp>[Name]["response"];
}
