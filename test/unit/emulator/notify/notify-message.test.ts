import { describe, expect, test } from "bun:test";
import { AccessToken } from "../../../../src/base/secret.ts";
import { isOwnTopic, notificationOf } from "../../../../src/emulator/notify/notify-message.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";

describe("a notification", () => {
  test("has the topic of the thing and exactly the four members that agents read", () => {
    const notification = notificationOf(
      {
        type: "opened",
        tunnelId: "t",
        thingName: "pump:7",
        services: ["SSH", "VNC"],
        destinationAccessToken: new AccessToken("AQGA_token-1="),
      },
      "eu-west-1",
    );
    expect(notification).toEqual({
      topic: "$aws/things/pump:7/tunnels/notify",
      payload:
        '{"clientAccessToken":"AQGA_token-1=","clientMode":"destination","region":"eu-west-1","services":["SSH","VNC"]}',
    });
  });

  test("is sent for each new destination token, to the thing that the tunnel then has", () => {
    const { tunnels, events } = makeTunnels();
    const topics = () =>
      events.splice(0).flatMap((event) => notificationOf(event, "eu-west-1")?.topic.split("/")[2] ?? []);
    const open = (thingName?: string) =>
      tunnels.open({ destinationConfig: { services: ["SSH"], ...(thingName ? { thingName } : {}) } }).tunnel
        .tunnelId;
    const tunnelId = open("pump-7");
    expect(topics()).toEqual(["pump-7"]);
    tunnels.rotate({ tunnelId, modes: ["destination"] });
    expect(topics()).toEqual(["pump-7"]);
    tunnels.rotate({ tunnelId, modes: ["source", "destination"] });
    expect(topics()).toEqual(["pump-7"]);
    tunnels.rotate({ tunnelId, modes: ["source"] });
    expect(topics()).toEqual([]);
    const destinationConfig = { thingName: "pump-8", services: ["SSH"] };
    tunnels.rotate({ tunnelId, modes: ["destination"], destinationConfig });
    expect(topics()).toEqual(["pump-8"]);
    tunnels.close(tunnelId, { isDeleted: false });
    expect(topics()).toEqual([]);
    open();
    tunnels.open({});
    expect(topics()).toEqual([]);
  });

  test("carries the token of its own event", () => {
    const { tunnels, events } = makeTunnels();
    const { tunnel, tokens } = tunnels.open({
      destinationConfig: { thingName: "pump-7", services: ["SSH"] },
    });
    const rotated = tunnels.rotate({ tunnelId: tunnel.tunnelId, modes: ["destination"] });
    const sent = events.map((event) => JSON.parse(notificationOf(event, "eu-west-1")?.payload ?? "{}"));
    expect(sent.map(({ clientAccessToken }) => clientAccessToken)).toEqual([
      tokens.destination.reveal(),
      rotated.tokens.destination?.reveal(),
    ]);
  });
});

test.each([
  ["$aws/things/pump-7/tunnels/notify", true],
  ["$aws/things/pump-7/#", true],
  ["$aws/things/pump-7/tunnels/+", true],
  ["$aws/things/pump-8/tunnels/notify", false],
  ["$aws/things/pump-70/tunnels/notify", false],
  ["$aws/things/pump-7", false],
  ["$aws/things/+/tunnels/notify", false],
  ["$aws/things/#", false],
  ["$aws/+/pump-7/tunnels/notify", false],
  ["+/things/pump-7/tunnels/notify", false],
  ["$share/group/$aws/things/pump-7/tunnels/notify", false],
  ["$SYS/#", false],
  ["#", false],
  ["", false],
  ["pump-7", false],
])("the filter %p is the own of pump-7: %p", (filter, expected) => {
  expect(isOwnTopic(filter, "pump-7")).toBe(expected);
});
