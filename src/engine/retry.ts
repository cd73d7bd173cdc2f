export { isFinalRefusal, saysTunnelEnded } from "./refusal.ts";
