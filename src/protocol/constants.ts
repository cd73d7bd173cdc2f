// Sizes and names that the service fixes (proto/protocol.md, P1 to P9).

/** Path of the data plane; any other is refused (P1). */
export const TUNNEL_PATH = "/tunnel";

/** Query parameter that names the side: `source` or `destination` (P1). */
export const MODE_PARAMETER = "local-proxy-mode";

/** Request header with the client access token (P2). */
export const ACCESS_TOKEN_HEADER = "access-token";

/** Cookie that may carry the client access token instead, for browsers (P2). */
export const ACCESS_TOKEN_COOKIE = "awsiot-tunnel-token";

/** Request header with the optional client token (P3). */
export const CLIENT_TOKEN_HEADER = "client-token";

/** What an access token is made of: printable characters without spaces, since it becomes a header. */
export const ACCESS_TOKEN_PATTERN = /^[\x21-\x7e]{1,4096}$/;
/** What a client token looks like (P3). */
export const CLIENT_TOKEN_PATTERN = /^[a-zA-Z0-9-]{32,128}$/;

/** Response header that names the WebSocket for support (P6). */
export const CHANNEL_ID_HEADER = "channel-id";

/** Response header with the reason of a refusal (P7). */
export const STATUS_REASON_HEADER = "x-status-reason";

/** Subprotocols, newest first: the order in which they are offered and chosen (P5). */
export const SUBPROTOCOLS = [
  "aws.iot.securetunneling-3.0",
  "aws.iot.securetunneling-2.0",
  "aws.iot.securetunneling-1.0",
] as const;

/** The whole upgrade request may not be longer (P4). */
export const MAX_HANDSHAKE_BYTES = 4_096;

/** Longest payload of a binary WebSocket frame, either way (P10). */
export const MAX_WEBSOCKET_FRAME_BYTES = 131_076;

/** Bytes of the length that precedes each message (P11). */
export const LENGTH_PREFIX_BYTES = 2;

/** Longest message that its length can announce (P11). */
export const MAX_MESSAGE_BYTES = 65_535;

/** Longest payload of one message: 63 KiB (P13). */
export const MAX_PAYLOAD_BYTES = 64_512;

/** Largest stream id that every known client can read: four bytes of a variable-length integer (P21). */
export const MAX_STREAM_ID = 2 ** 28 - 1;

/** Longest name of a service, in characters (P30). */
export const MAX_SERVICE_ID_LENGTH = 128;

/** Services that one tunnel may have; aws-c-iot refuses a tunnel that announces more (P30). */
export const MAX_SERVICES = 3;

/** The longest life of a tunnel, which is the one it has when none was asked for. Nothing prolongs it. */
export const MAX_TUNNEL_LIFE_MINUTES = 720;
export const MAX_TUNNEL_LIFE_MS = MAX_TUNNEL_LIFE_MINUTES * 60_000;
