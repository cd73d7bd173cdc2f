// What the broker says to a client, as bytes.

/** Return codes of CONNACK in MQTT 3.1 and 3.1.1. */
export const ConnectCode = { Accepted: 0, WrongVersion: 1, BadClientId: 2 } as const;
/** Granted instead of a QoS: the subscription was refused. */
export const REFUSED = 0x80;
/** Reason code of CONNACK in MQTT 5, the only one of it that is spoken here. */
const UNSUPPORTED_VERSION = 0x84;

const PUBLISH = 0x30;
const DUP = 0x08;
const ANSWERS = { pubrel: 0x62, pubcomp: 0x70 } as const;

export function connack(code: number, isSessionPresent = false): Uint8Array {
  return Uint8Array.of(0x20, 2, isSessionPresent ? 1 : 0, code);
}

/** For clients of MQTT 5 and what may come after it: without properties, in its form. */
export function refuseVersion(level: number): Uint8Array {
  return level === 3 || level === 4
    ? connack(ConnectCode.WrongVersion)
    : Uint8Array.of(0x20, 3, 0, UNSUPPORTED_VERSION, 0);
}

/** `granted`: a QoS, or REFUSED, for each filter. */
export function suback(packetId: number, granted: readonly number[]): Uint8Array {
  return packet(0x90, [packetId >> 8, packetId & 0xff, ...granted]);
}

export function unsuback(packetId: number): Uint8Array {
  return packet(0xb0, [packetId >> 8, packetId & 0xff]);
}

/** The next step of a delivery with QoS 2, which a client may be in the middle of. */
export function release(what: keyof typeof ANSWERS, packetId: number): Uint8Array {
  return packet(ANSWERS[what], [packetId >> 8, packetId & 0xff]);
}

export function pingResponse(): Uint8Array {
  return packet(0xd0, []);
}

/** A message with QoS 1 where it has a packet identifier, else with QoS 0; never retained. */
export function publish(
  message: { readonly topic: string; readonly payload: string },
  delivery: { readonly packetId: number; readonly isAgain: boolean } | undefined,
): Uint8Array {
  const topic = Buffer.from(message.topic);
  const payload = Buffer.from(message.payload);
  const first = delivery === undefined ? PUBLISH : PUBLISH | 2 | (delivery.isAgain ? DUP : 0);
  const id = delivery === undefined ? [] : [delivery.packetId >> 8, delivery.packetId & 0xff];
  return packet(
    first,
    Buffer.concat([Buffer.of(topic.length >> 8, topic.length & 0xff), topic, Buffer.from(id), payload]),
  );
}

function packet(first: number, body: readonly number[] | Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
  }
  return Buffer.concat([Uint8Array.of(first, ...length), Uint8Array.from(body)]);
}
