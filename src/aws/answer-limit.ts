import { pipeline, type Readable, Transform } from "node:stream";
import { UnreachableError } from "../base/errors.ts";

/** A page of a hundred tunnels whose descriptions are as long as may be has less than a tenth of this. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** The body, which fails with UnreachableError beyond 8 MiB: the AWS SDK collects whatever comes. */
export function limitAnswer(body: Readable): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      done(bytes > MAX_ANSWER_BYTES ? tooLong() : null, chunk);
    },
  });
  // It tells its reader; that the body is destroyed with it is all that is wanted here.
  pipeline(body, counter, () => {});
  return counter;
}

function tooLong(): UnreachableError {
  const error = new UnreachableError(
    `the control plane answers with more than ${MAX_ANSWER_BYTES / 1024 / 1024} MiB`,
    { hint: "is this the control plane of IoT secure tunneling? check --endpoint-url" },
  );
  // Without it the SDK adds a sentence of its own to the message.
  return Object.assign(error, { $metadata: {} });
}
