import { describe, expect, test } from "bun:test";
import { configHome, homeOf, stateHome } from "../../../src/base/home.ts";
import { POSIX, WINDOWS } from "../../../src/base/platform.ts";

const JANE = {
  USERPROFILE: String.raw`C:\Users\jane`,
  LOCALAPPDATA: String.raw`C:\Users\jane\AppData\Local`,
  APPDATA: String.raw`C:\Users\jane\AppData\Roaming`,
};

describe("on Windows", () => {
  const places = (env: Record<string, string>) => [stateHome(env, WINDOWS), configHome(env, WINDOWS)];

  test("state is in the local, configuration in the roaming application data", () => {
    expect(places({ ...JANE, LOCALAPPDATA: String.raw`D:\Local`, APPDATA: String.raw`D:\Roaming` })).toEqual([
      String.raw`D:\Local\tunnel`,
      String.raw`D:\Roaming\tunnel`,
    ]);
  });

  test("without their variables they are where the system has them", () => {
    expect(places({ USERPROFILE: JANE.USERPROFILE, LOCALAPPDATA: "", APPDATA: "relative" })).toEqual([
      String.raw`C:\Users\jane\AppData\Local\tunnel`,
      String.raw`C:\Users\jane\AppData\Roaming\tunnel`,
    ]);
  });

  test("XDG variables win where they are absolute paths", () => {
    const xdg = { XDG_STATE_HOME: String.raw`E:\state`, XDG_CONFIG_HOME: "config" };
    expect(places({ ...JANE, ...xdg })).toEqual([
      String.raw`E:\state\tunnel`,
      String.raw`C:\Users\jane\AppData\Roaming\tunnel`,
    ]);
  });

  test("the home is the profile, whatever a Unix-like shell says", () => {
    expect(homeOf({ ...JANE, HOME: "/c/Users/jane" }, WINDOWS)).toBe(JANE.USERPROFILE);
  });
});

describe("elsewhere", () => {
  const places = (env: Record<string, string>) => [stateHome(env, POSIX), configHome(env, POSIX)];

  test("state and configuration are below the home, whatever Windows variables are there", () => {
    expect(places({ ...JANE, HOME: "/home/jane" })).toEqual([
      "/home/jane/.local/state/tunnel",
      "/home/jane/.config/tunnel",
    ]);
  });

  test("XDG variables win where they are absolute paths", () => {
    const env = { HOME: "/home/jane", XDG_STATE_HOME: "/state", XDG_CONFIG_HOME: String.raw`C:\config` };
    expect(places(env)).toEqual(["/state/tunnel", "/home/jane/.config/tunnel"]);
  });
});
