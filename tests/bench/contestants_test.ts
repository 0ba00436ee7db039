import { assertEquals, assertMatch } from "@std/assert";
import { captures } from "../../bench/contestants.ts";
import { testNeeding } from "../support/needs.ts";
import { runProgram } from "../support/programs.ts";

/**
 * Runs a capture tool for a moment where `/dev/null` is a device of this test, so that a tool that
 * changes its owner harms nothing. Prints the owner at the end.
 */
const WITH_OWN_NULL = `
  folder=$(mktemp -d)
  trap 'umount /dev/null; rm -r "$folder"' EXIT
  mount --make-rprivate /
  mknod -m 666 "$folder/null" c 1 3
  mount --bind "$folder/null" /dev/null
  ip link set lo up
  "$@" 2>"$folder/said" &
  for moment in $(seq 100); do
    grep -qE "listening on|^File: " "$folder/said" && break
    sleep 0.1
  done
  sleep 0.2
  kill -INT $!
  wait $!
  cat "$folder/said" >&2
  stat -c %u:%g /dev/null`;

async function ownerOfNull(command: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runProgram("unshare", [
    ...["--net", "--mount", "sh", "-c", WITH_OWN_NULL, "-", ...command],
  ]);
  assertMatch(stderr, /listening on|^File: /m);
  return stdout.trim();
}

for (const [tool, pack] of [["tcpdump", "tcpdump"], ["dumpcap", "tshark"]]) {
  const needs = { root: true, programs: { [tool]: pack, ip: "iproute2" } };
  testNeeding(needs, `The bench's ${tool} leaves /dev/null to root`, async () => {
    const { command } = captures("lo").find(({ program }) => program === tool)!;
    assertEquals(await ownerOfNull(command), "0:0");
  });
}

testNeeding(
  { root: true, programs: { tcpdump: "tcpdump", ip: "iproute2" } },
  "tcpdump without -Z takes /dev/null, where it has a user of its own",
  async () => {
    const owner = await ownerOfNull(["tcpdump", "-n", "-i", "lo", "-w", "/dev/null"]);
    const { stdout } = await runProgram("sh", ["-c", "id -u tcpdump 2>/dev/null || echo 0"]);
    assertEquals(owner.split(":")[0], stdout.trim());
  },
);
