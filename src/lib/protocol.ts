// The wire of AWS IoT secure tunneling: frames, messages and the rules of who may send which. Pure: bytes in, values out.
//
//     const splitter = new FrameSplitter();
//     for (const frame of splitter.push(bytes)) console.log(describeMessage(decodeFrame(frame)));

export {
  ACCESS_TOKEN_HEADER,
  CHANNEL_ID_HEADER,
  CLIENT_TOKEN_HEADER,
  CLIENT_TOKEN_PATTERN,
  MAX_MESSAGE_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_SERVICES,
  MAX_STREAM_ID,
  MAX_TUNNEL_LIFE_MINUTES,
  MAX_WEBSOCKET_FRAME_BYTES,
  MODE_PARAMETER,
  STATUS_REASON_HEADER,
  SUBPROTOCOLS,
  TUNNEL_PATH,
} from "../protocol/constants.ts";
export { FrameSplitter } from "../protocol/frame.ts";
export {
  decodeFrame,
  describeMessage,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../protocol/message.ts";
export { checkMessage, type Sender } from "../protocol/rules.ts";
