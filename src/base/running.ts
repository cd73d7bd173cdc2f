import process from "node:process";
import { codeOf } from "./system-reason.ts";

/** Whether a process of this number runs, of whatever user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
