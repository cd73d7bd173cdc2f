// AWS's own tools, as the tests find them on this machine.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Debian's AWS CLI where it is installed, else the one on PATH. */
export const AWS = existsSync("/usr/bin/aws") ? "/usr/bin/aws" : "aws";

/** The first Python that has boto3. */
export const PYTHON =
  ["/usr/bin/python3", "python3"].find((python) => {
    try {
      execFileSync(python, ["-c", "import boto3"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }) ?? "python3";
