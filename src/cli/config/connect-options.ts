// Options of connect, of ssh, and of what cleans up after them.

import { flag, one } from "./option.ts";
import { readDuration, readWholeNumber } from "./values.ts";

/** Pings of one run: beyond that, what is kept of each is for a program that watches. */
const MAX_PINGS = 10_000;

export const PING = {
  count: one({
    flag: "count",
    placeholder: "N",
    describe: "how often the round trip is measured, five times a second (default 10)",
    parse: readWholeNumber(1, MAX_PINGS),
    fallback: 10,
  }),
  underLoad: flag({
    flag: "under-load",
    describe: "measure beside as many bytes as the tunnel takes, which the device drops",
  }),
};

export const CONNECT = {
  stdio: flag({ flag: "stdio", describe: "carry standard input and output, as a ProxyCommand of ssh does" }),
  wait: one({
    flag: "wait",
    placeholder: "TIME",
    file: "own",
    describe: "how long the device may take to connect, after each of two notifications (default 30s)",
    parse: readDuration("0s", "12h"),
    fallback: 30_000,
  }),
  keep: flag({ flag: "keep", describe: "leave the tunnel open that was opened" }),
  takeOver: flag({
    flag: "take-over",
    describe: "also take an open tunnel that somebody uses, and so end that use",
  }),
  stale: flag({
    flag: "stale",
    describe: "the tunnels that `tunnel connect` opened and could not close, for instance after kill -9",
  }),
};
