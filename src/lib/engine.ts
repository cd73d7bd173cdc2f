// What a local proxy decides, without sockets, clocks or chance: its owner hands in bytes and the time, and carries out
// what comes out. `Carrier` is one WebSocket with its pings, pauses and local sockets, `Engine` the messages of it alone.

export { type BackoffLimits, backoffMs } from "../engine/backoff.ts";
export { Carrier } from "../engine/carrier.ts";
export { type CarrierLimits, type CarrierOptions, LIMITS } from "../engine/carrier-options.ts";
export { Engine } from "../engine/engine.ts";
export type { EngineOptions } from "../engine/exchange.ts";
export type { LinkOptions } from "../engine/link.ts";
export type {
  CarrierEnd,
  Connection,
  EngineEvent,
  EngineOutput,
  Format,
  Output,
} from "../engine/output.ts";
export { judgeRefusal, type RefusalMeaning, type RefusedHandshake } from "../engine/refusal.ts";
