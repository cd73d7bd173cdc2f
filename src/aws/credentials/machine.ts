// Credentials of the machine itself: of its container or its instance, by the AWS SDK's own clients of those services.

import { fromHttp } from "@aws-sdk/credential-provider-http";
import { fromInstanceMetadata } from "@smithy/credential-provider-imds";
import { escapeControl } from "../../base/escape.ts";
import type { Env } from "../shared-files.ts";
import { type Keys, unusable } from "./keys.ts";

const RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/** Of one of three tries, as the AWS CLI waits. */
const CONTAINER_TIMEOUT_MS = 2_000;

const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Absent outside containers that have a role. @throws CredentialsError when the variables lead to none */
export async function containerKeys(env: Env): Promise<Keys | undefined> {
  const relative = env[RELATIVE];
  const full = env[FULL];
  if (relative === undefined && full === undefined) return undefined;
  const place = relative ? RELATIVE : FULL;
  try {
    return await fromHttp({
      // Both are given, empty ones too, or else the SDK reads the variables in an order of its own.
      awsContainerCredentialsRelativeUri: relative ?? "",
      awsContainerCredentialsFullUri: relative ? "" : (full ?? ""),
      timeout: CONTAINER_TIMEOUT_MS,
      logger: SILENT,
    })();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unusable(
      `the container gives none (${place}): ${escapeControl(reason.replace(/\s+/g, " "), 200)}`,
      {
        cause,
      },
    );
  }
}

/** Absent where no instance of AWS with a role is around. */
export async function instanceKeys(env: Env): Promise<Keys | undefined> {
  if ((env["AWS_EC2_METADATA_DISABLED"] ?? "").toLowerCase() === "true") return undefined;
  try {
    const timeout = 1_000 * wholeNumber(env["AWS_METADATA_SERVICE_TIMEOUT"]);
    const maxRetries = wholeNumber(env["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]) - 1;
    return await fromInstanceMetadata({ timeout, maxRetries, logger: SILENT })();
  } catch {
    return undefined;
  }
}

/** Where nothing else is set one second and one try, since elsewhere nobody answers at all. */
function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 1;
}

function ignore(): void {}
