// The shapes that several operations share, with the limits of the service model 2018-10-05.
import { API_NAME_CHARACTERS, TUNNEL_ID_PATTERN } from "../../base/names.ts";
import type { Constraint, StructureConstraint } from "./constraints.ts";

const TAG_CHARACTERS = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$";

export const TUNNEL_ID: Constraint = { type: "string", pattern: TUNNEL_ID_PATTERN };

export const THING_NAME: Constraint = {
  type: "string",
  min: 1,
  max: 128,
  pattern: `${API_NAME_CHARACTERS}+`,
};

const SERVICE = THING_NAME;

/** The model sets no maximum of services: the fourth is a LimitExceededException, not a violation. */
export const DESTINATION_CONFIG: Constraint = {
  type: "structure",
  required: ["services"],
  members: { thingName: THING_NAME, services: { type: "list", of: SERVICE, min: 1 } },
};

export const TAG_KEY: Constraint = { type: "string", min: 1, max: 128, pattern: TAG_CHARACTERS };

const TAG: StructureConstraint = {
  type: "structure",
  required: ["key", "value"],
  members: { key: TAG_KEY, value: { type: "string", min: 0, max: 256, pattern: TAG_CHARACTERS } },
};

export const TAGS: Constraint = { type: "list", of: TAG, min: 1, max: 200 };

export const RESOURCE_ARN: Constraint = { type: "string", min: 1, max: 1011 };
