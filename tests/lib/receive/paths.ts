/**
 * One test for each way of receiving; on a kernel that does not have it, ignored, with the reason in its name.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { RECEIVE_PATHS, type ReceivePath, whyUnavailable } from "../../../lib/receive/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace, ROOT } from "../../support/programs.ts";

/** Every way of receiving. */
export const PATHS = Object.keys(RECEIVE_PATHS) as ReceivePath[];

/** Registers a test of one way, which needs root and a veth pair. */
export function pathTest(path: ReceivePath, criterion: string, test: () => Promise<void>): void {
  const reason = whyUnavailable(path);
  const name = `${path} ${criterion}`;
  if (reason === undefined) {
    testNeeding({ root: true, programs: { ip: "iproute2", setpriv: "util-linux" } }, name, test);
  } else Deno.test.ignore(`${name} # SKIP ${reason}`, test);
}

/**
 * The JSON that a program of `programs/` prints, run beside a veth pair of its own.
 *
 * @param args Its arguments, the way of receiving first.
 * @param flags Deno's.
 */
export async function toldBy(
  program: string,
  args: readonly string[],
  flags: readonly string[] = [],
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  const { code, stdout, stderr } = await inNamespace([
    ...[Deno.execPath(), "run", "-A", "--quiet", ...flags],
    ...[`${ROOT}/tests/lib/receive/programs/${program}`, ...args],
  ], { timeout: 300_000 });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}
