/**
 * The one-file build gives the same answers as `main.ts`, for every experiment and where there is
 * nothing to judge.
 */

import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { testNeeding } from "../support/needs.ts";
import { assertSame, bundled } from "./one_file.ts";

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
