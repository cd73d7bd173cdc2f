// The schema of the control messages as protobufjs reads it by reflection: a second codec beside the one by hand.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import type { Control } from "../../../src/protocol/control.ts";

const SCHEMA = readFileSync(join(import.meta.dirname, "../../../proto/continuity.proto"), "utf8");
const TYPE = protobuf.parse(SCHEMA).root.lookupType("tunnel.continuity.Control");

const MAGIC = [0, ...Buffer.from("tunnel"), 0];

/** A control payload as the schema has it, its fields in the order of their numbers. */
export function oracleControl(control: Partial<Control>): Uint8Array {
  const { resume, resumed, ...rest } = control;
  const fields = {
    ...rest,
    ...(resume === undefined ? {} : { resume: { positions: resume } }),
    ...(resumed === undefined
      ? {}
      : {
          resumed: {
            positions: resumed.positions ?? [],
            unknown: resumed.positions === undefined,
            next: resumed.next,
          },
        }),
  };
  return controlOf(TYPE.encode(TYPE.fromObject(JSON.parse(JSON.stringify(fields, asBase64)))).finish());
}

/** The magic word before any bytes. */
export function controlOf(bytes: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([...MAGIC, ...Array.from(bytes)]);
}

function asBase64(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
