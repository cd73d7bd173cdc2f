// The wire, without a socket: a message becomes a frame, and frames are found in bytes however they were cut.
import { decodeFrame, describeMessage, encodeFrame, FrameSplitter, MessageType, makeMessage } from "tunnel/protocol";

const frame = encodeFrame(
  makeMessage({ type: MessageType.Data, streamId: 7, serviceId: "SSH", payload: new TextEncoder().encode("hi") }),
);
const splitter = new FrameSplitter();
for (const part of [frame.subarray(0, 3), frame.subarray(3)]) {
  for (const whole of splitter.push(part)) console.log(describeMessage(decodeFrame(whole)));
}
