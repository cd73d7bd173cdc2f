import type { Target } from "./target.ts";
import { broker } from "./targets/broker.ts";
import { configFile, endpoint, values } from "./targets/configuration.ts";
import { heldDestination, heldSource } from "./targets/continuity.ts";
import { control } from "./targets/control.ts";
import { constraints, controlPlane, headers } from "./targets/control-plane.ts";
import { destination, source } from "./targets/engine.ts";
import { frames } from "./targets/frames.ts";
import { handshake } from "./targets/handshake.ts";
import { message } from "./targets/message.ts";
import { notification } from "./targets/notification.ts";
import { packets, topics } from "./targets/packets.ts";
import { relay } from "./targets/relay.ts";
import { sharing, status } from "./targets/sockets.ts";
import { localproxy, serviceMap } from "./targets/text-files.ts";
import { tokens } from "./targets/tokens.ts";

/** Every decoder of bytes that somebody else made. */
export const TARGETS: readonly Target[] = [
  frames,
  message,
  control,
  source,
  destination,
  heldSource,
  heldDestination,
  relay,
  handshake,
  headers,
  constraints,
  controlPlane,
  notification,
  packets,
  topics,
  broker,
  configFile,
  values,
  endpoint,
  tokens,
  status,
  sharing,
  serviceMap,
  localproxy,
];
