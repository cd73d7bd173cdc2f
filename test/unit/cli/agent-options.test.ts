import { describe, expect, test } from "bun:test";
import { regionOf, serviceMapOf } from "../../../src/cli/agent/run-agent.ts";
import { unitText } from "../../../src/cli/agent/unit-text.ts";
import { AGENT } from "../../../src/cli/config/agent-options.ts";
import type { Settings } from "../../../src/cli/config/layers.ts";

describe("--map", () => {
  test("takes a port, a host and port, or a path for each service", () => {
    expect([...serviceMapOf(["SSH=22", "WEB=plc.lan:80", "APP=/run/app.sock", "a:b=[::1]:5"])]).toEqual([
      ["SSH", { type: "tcp", port: 22 }],
      ["WEB", { type: "tcp", host: "plc.lan", port: 80 }],
      ["APP", { type: "unix", path: "/run/app.sock" }],
      ["a:b", { type: "tcp", host: "::1", port: 5 }],
    ]);
  });

  test.each([
    ["nothing", []],
    ["an address alone", ["22"]],
    ["a service alone", ["SSH"]],
    ["port 0", ["SSH=0"]],
    ["two in one", ["SSH=22,WEB=80"]],
    ["a service twice", ["SSH=22", "SSH=23"]],
    ["a service with a space", ["S H=22"]],
  ])("does not take %s", (_name, entries) => {
    expect(() => serviceMapOf(entries)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  });
});

describe("the region", () => {
  const settings = (host: string | undefined) => ({
    settings: {
      get: () => (host === undefined ? undefined : { host, port: undefined }),
    } as unknown as Settings,
  });

  test("is the one given, else that in the broker's name", () => {
    const broker = "abc123-ats.iot.eu-west-1.amazonaws.com";
    expect(regionOf({ region: "us-east-1" }, settings(broker))).toBe("us-east-1");
    expect(regionOf({ region: "fips-us-east-1" }, settings(broker))).toBe("us-east-1");
    expect(regionOf({ region: undefined }, settings("abc-ats.iot-fips.us-west-2.api.aws"))).toBe("us-west-2");
    expect(regionOf({ region: undefined }, settings(broker))).toBe("eu-west-1");
    expect(regionOf({ region: undefined }, settings("abc.ats.iot.cn-north-1.amazonaws.com.cn"))).toBe(
      "cn-north-1",
    );
  });

  test.each([undefined, "broker.lan", "abc.iot.eu-west-1.amazonaws.com.evil.example"])(
    "is not made up for %p",
    (host) => {
      expect(() => regionOf({ region: undefined }, settings(host))).toThrow("no region given");
    },
  );
});

describe("options", () => {
  test("--metrics stays on this machine", () => {
    for (const text of ["9100", "127.0.0.1:9100", "[::1]:9100", "localhost:9100"]) AGENT.metrics.read([text]);
    for (const text of ["0.0.0.0:9100", "[::]:9100", "192.168.1.9:9100", "127.0.0.1.evil.example:1"]) {
      expect(() => AGENT.metrics.read([text])).toThrow("only an address of this machine");
    }
  });

  test("--client-id is one that AWS IoT takes", () => {
    expect(AGENT.clientId.read(["pump-7:a"])).toBe("pump-7:a");
    for (const text of ["", "a b", "a#", "a+", "é", "a".repeat(129)]) {
      expect(() => AGENT.clientId.read([text])).toThrow();
    }
  });

  test("--mqtt-endpoint is a host, without a protocol", () => {
    expect(AGENT.mqttEndpoint.read(["Broker.lan"])).toEqual({ host: "broker.lan", port: undefined });
    expect(AGENT.mqttEndpoint.read(["[::1]:8883"])).toEqual({ host: "::1", port: 8883 });
    for (const text of ["mqtts://broker.lan", "broker.lan/", "broker.lan:0", "a b"]) {
      expect(() => AGENT.mqttEndpoint.read([text])).toThrow();
    }
  });
});

describe("the systemd unit", () => {
  const unit = unitText({
    thing: "pump%7",
    words: [
      "--map",
      "APP=/run/my app.sock",
      "--client-id",
      "a$b%c",
      "--cert",
      `\${CREDENTIALS_DIRECTORY}/cert`,
    ],
    credentials: [{ name: "cert", path: "/etc/100%.pem" }],
    graceS: 30,
    restartS: 7,
  });

  test.each([
    "Type=notify",
    "NotifyAccess=all",
    "Restart=always",
    "RestartSec=7",
    "RestartPreventExitStatus=64 78",
    "TimeoutStopSec=40",
    "WatchdogSec=120",
    "StateDirectory=tunnel-agent",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "DynamicUser=yes",
  ])("has %s", (line) => {
    expect(unit.split("\n")).toContain(line);
  });

  test("writes words so that systemd reads them back", () => {
    const [, command] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
    expect(command).toBe(
      `agent --map "APP=/run/my app.sock" --client-id a$$b%%c --cert \${CREDENTIALS_DIRECTORY}/cert`,
    );
    expect(unit).toContain("LoadCredential=cert:/etc/100%%.pem");
    expect(unit).toContain("thing pump%%7");
  });
});
