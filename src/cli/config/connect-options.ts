// Options of connect, of ssh, and of what cleans up after them.

import { flag, one } from "./option.ts";
import { readDuration, readText, readWholeNumber } from "./values.ts";

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

/** Commands at once: each has a tunnel that carries, some files and some megabytes of this process. */
const MAX_PARALLEL = 50;

export const FLEET = {
  things: one({
    flag: "things",
    placeholder: "FILE|-",
    takes: "file",
    describe: "also the things of this file, or of standard input: one a line, # begins a comment",
    parse: readText,
  }),
  parallel: one({
    flag: "parallel",
    placeholder: "N",
    describe: "how many things at a time (default 5)",
    parse: readWholeNumber(1, MAX_PARALLEL),
    fallback: 5,
  }),
};

export const LIST = {
  wide: flag({
    flag: "wide",
    describe: "also thing, services and both ends of each, which takes a call each",
  }),
};

export const COPY = {
  recursive: flag({ flag: "recursive", short: "r", describe: "directories with all that is in them" }),
};

export const CONNECT = {
  stdio: flag({ flag: "stdio", describe: "carry standard input and output, as a ProxyCommand of ssh does" }),
  open: flag({ flag: "open", describe: "open http://HOST:PORT/ in the browser once the device is there" }),
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
