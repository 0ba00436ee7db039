import { inNamespace, type Outcome } from "../../support/programs.ts";
import type { Job } from "../strace/injection.ts";
import { commandOf } from "./with_stand_in.ts";

/**
 * Runs fdpass in a private network namespace, with a stand-in for libc.
 *
 * @param job Its arguments, and the calls that are answered wrongly.
 * @param launcher A program with its arguments that becomes fdpass.
 * @param timeout In milliseconds.
 */
export async function answered(
  job: Pick<Job, "args" | "answering">,
  launcher: readonly string[] = [],
  timeout = 60_000,
): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    return await inNamespace([...launcher, ...commandOf(job, folder)], { timeout });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
