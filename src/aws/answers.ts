// What the control plane's answers have to look like. They come from the network: each member is looked at before it
// is used, and what is not known is left out.

import type {
  CloseTunnelResponse,
  ConnectionState,
  DestinationConfig,
  OperationName,
  Operations,
  Tag,
  TimeoutConfig,
  Tunnel,
  TunnelSummary,
} from "./shapes.ts";

/** An answer without a member that it must have, or with one of another type. */
export class MemberError extends Error {
  /** The member with the way to it, such as `tunnelSummaries[3].tunnelId`. */
  readonly member: string;
  readonly isMissing: boolean;

  constructor(member: string, isMissing: boolean) {
    super(`${member} is ${isMissing ? "missing" : "of another type"}`);
    this.member = member;
    this.isMissing = isMissing;
  }
}

/** Takes a value out of parsed JSON; `member` is the way to it. @throws MemberError */
type Reader<T> = (value: unknown, member: string) => T;

function ofType<T>(is: (value: unknown) => value is T): Reader<T> {
  return (value, member) => {
    if (is(value)) return value;
    throw new MemberError(member, value === undefined || value === null);
  };
}

const text = ofType((value) => typeof value === "string");
const number = ofType((value) => typeof value === "number");
const record = ofType(
  (value): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value),
);
const array = ofType((value): value is unknown[] => Array.isArray(value));

/** Words that may grow more: they are passed on as they are. */
function word<T extends string>(): Reader<T> {
  return text as Reader<string> as Reader<T>;
}

const time: Reader<Date> = (value, member) => {
  const date = new Date(number(value, member) * 1_000);
  if (Number.isNaN(date.getTime())) throw new MemberError(member, false);
  return date;
};

function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, member) => (value === undefined || value === null ? undefined : read(value, member));
}

function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, member) => array(value, member).map((item, index) => read(item, `${member}[${index}]`));
}

function structure<T>(members: { readonly [Name in keyof T]-?: Reader<T[Name]> }): Reader<T> {
  const readers = Object.entries(members) as [string, Reader<unknown>][];
  return (value, member) => {
    const from = record(value, member);
    const read = readers.map(([name, reader]) => {
      const inner = Object.hasOwn(from, name) ? from[name] : undefined;
      return [name, reader(inner, member === "" ? name : `${member}.${name}`)] as const;
    });
    return Object.fromEntries(read.filter(([, inner]) => inner !== undefined)) as T;
  };
}

const nothing = structure<CloseTunnelResponse>({});
const tags = optional(listOf(structure<Tag>({ key: text, value: text })));
const connectionState = optional(
  structure<ConnectionState>({ status: optional(word()), lastUpdatedAt: optional(time) }),
);

const summary = structure<TunnelSummary>({
  tunnelId: text,
  tunnelArn: optional(text),
  status: optional(word()),
  description: optional(text),
  createdAt: optional(time),
  lastUpdatedAt: optional(time),
});

const tunnel = structure<Tunnel>({
  tunnelId: text,
  tunnelArn: optional(text),
  status: word(),
  sourceConnectionState: connectionState,
  destinationConnectionState: connectionState,
  description: optional(text),
  destinationConfig: optional(
    structure<DestinationConfig>({ thingName: optional(text), services: listOf(text) }),
  ),
  timeoutConfig: optional(structure<TimeoutConfig>({ maxLifetimeTimeoutMinutes: optional(number) })),
  tags,
  createdAt: time,
  lastUpdatedAt: optional(time),
});

const READERS: { readonly [Name in OperationName]: Reader<Operations[Name]["response"]> } = {
  OpenTunnel: structure({
    tunnelId: text,
    tunnelArn: optional(text),
    sourceAccessToken: text,
    destinationAccessToken: text,
  }),
  RotateTunnelAccessToken: structure({
    tunnelArn: optional(text),
    sourceAccessToken: optional(text),
    destinationAccessToken: optional(text),
  }),
  DescribeTunnel: structure({ tunnel }),
  ListTunnels: structure({ tunnelSummaries: listOf(summary), nextToken: optional(text) }),
  CloseTunnel: nothing,
  TagResource: nothing,
  UntagResource: nothing,
  ListTagsForResource: structure({ tags }),
};

/** The operation's answer out of its parsed JSON. @throws MemberError */
export function readAnswer<Name extends OperationName>(
  operation: Name,
  body: unknown,
): Operations[Name]["response"] {
  return READERS[operation](body, "");
}
