/**
 * The one-file build gives the same answers as `main.ts`, for every experiment and where there is
 * nothing to judge; and it runs with every option of the command line.
 */

import { assertEquals } from "@std/assert";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { options } from "../../scripts/completions.ts";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";
import { alone, assertSame, bundled } from "./one_file.ts";

const programs = { ip: "iproute2", setpriv: "util-linux", unshare: "util-linux" };
const RUNS = [
  ...EXPERIMENTS.map(({ name }) => ["-e", name, "veth-fdpass"]),
  ["--stimulus", "none", "-t", "4", "lo"], // no traffic arrives here by itself
];

for (const args of RUNS) {
  testNeeding(
    { root: true, programs },
    `The one-file build, alone, as main.ts: ${args.join(" ")}`,
    () => bundled((place) => assertSame(place, args)),
  );
}

/** Command lines that together have every option. Each ends with exit 0. */
const LINES = [
  "--help",
  "--version",
  "--list --verbose",
  "--explain DENY-01",
  "--experiment supervisor --workers 1 --fanout lb --kills 1 --rate 200 veth-fdpass",
  "--experiment relay --from 233.252.0.1:5001 --to 233.252.0.2:5002 --out out veth-fdpass",
  "--count 2 --timeout 9 --user 4242:4242 --stimulus veth-fdpass-far --receive recvmmsg veth-fdpass",
  "--harden --trace --no-color --quiet veth-fdpass",
  "--json veth-fdpass",
  "--tap veth-fdpass",
  "--report run.html --pcap run.pcapng --trace veth-fdpass",
  "--report run.html --pcap run.pcapng --force -e relay veth-fdpass",
];

testNeeding(
  { root: true, programs },
  "The one-file build runs with every option of the command line",
  () =>
    bundled(async (place) => {
      const given = new Set(LINES.flatMap((line) => line.match(/(?<=--)[a-z-]+/g)!));
      assertEquals(options().map(({ long }) => long).filter((long) => !given.has(long)), []);
      const outcome = await inNamespace([
        ...["sh", "-c", RUN_LINES, "sh"],
        ...alone(place, []),
      ], { timeout: 120_000, env: { LINES: LINES.join("\n") } });
      assertEquals(outcome, {
        code: 0,
        stdout: LINES.map((line) => `0 ${line}\n`).join(""),
        stderr: "",
      });
    }),
);

/** Runs the command that follows with each line of `$LINES`, and prints its exit status. */
const RUN_LINES = `
ip link add out type veth peer name out-far && ip link set out up && ip link set out-far up
ip address add 203.0.113.1/30 dev out
IFS='
'
for line in $LINES; do
  IFS=' '
  output=$("$@" $line 2>&1) && echo "0 $line" || echo "$? $line: $output"
done`;
