// The AWS CLI, as Debian has it or the one on PATH.
import { execFile, execFileSync, spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { AWS } from "./aws-tools.ts";

const run = promisify(execFile);

export interface AwsCli extends Disposable {
  /** Version 1 knows neither AWS_REGION nor the order of the two variables for profiles. */
  readonly isVersion1: boolean;
  /** Runs it with these arguments in this environment and nothing of ours; whether it fails is not told. */
  call(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void>;
}

/** Starting the AWS CLI takes a second of a processor: where it is written in Python, that is done once for all calls. */
export function startAwsCli(): AwsCli {
  const version = execFileSync(AWS, ["--version"], { encoding: "utf8" });
  const isVersion1 = version.startsWith("aws-cli/1.");
  const python = pythonOf(AWS);
  if (python === undefined) {
    const call = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
      await run(AWS, args, { env }).catch(() => {});
    };
    return { isVersion1, call, [Symbol.dispose]: () => {} };
  }
  return { isVersion1, ...startServer(python) };
}

/** The interpreter that its first line names, if the AWS CLI is a module of that. */
function pythonOf(program: string): string | undefined {
  const path = program.includes("/")
    ? program
    : execFileSync("which", [program], { encoding: "utf8" }).trim();
  const [, interpreter] = /^#!(\/\S*python[\d.]*)\n/.exec(readFileSync(realpathSync(path), "latin1")) ?? [];
  try {
    if (interpreter !== undefined) {
      execFileSync(interpreter, ["-c", "import awscli.clidriver, awscli.handlers"]);
    }
    return interpreter;
  } catch {
    return undefined;
  }
}

function startServer(python: string): Omit<AwsCli, "isVersion1"> {
  const child = spawn(python, [join(import.meta.dirname, "aws-cli.py")], {
    // Some of its paths below the home directory are made up as its modules are read: they follow each call there.
    env: { PATH: process.env["PATH"], HOME: "/proc/self/cwd" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting = new Map<number, ReturnType<typeof Promise.withResolvers<void>>>();
  let isStopping = false;
  let last = 0;
  createInterface({ input: child.stdout }).on("line", (id) => waiting.get(Number(id))?.resolve());
  child.once("exit", (code) => {
    const error = new Error(`the AWS CLI ended with ${code}`);
    if (!isStopping) for (const call of waiting.values()) call.reject(error);
  });
  return {
    async call(args, env) {
      last += 1;
      const id = last;
      const call = Promise.withResolvers<void>();
      waiting.set(id, call);
      child.stdin.write(`${JSON.stringify({ id, args, env })}\n`);
      await call.promise;
      waiting.delete(id);
    },
    [Symbol.dispose]: () => {
      isStopping = true;
      child.kill();
    },
  };
}
