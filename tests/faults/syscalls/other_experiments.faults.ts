/**
 * The other experiments, with the system calls answered wrongly that the main job does not make.
 *
 * A hardened worker is looked at by ptrace(2), by its parent (HARD-05) and by its attacker, and a process has one tracer: so of those experiments the
 * parent's calls are swept; `io-uring` is swept whole.
 */

import { fewOfEach, MAIN_JOB, sweep } from "./sweep.ts";

/** How many wrong answers to a call of an experiment that takes many seconds. */
const FEW = 2;

await sweep({
  title: "io-uring",
  run: { args: ["-e", "io-uring", "-t", "10", "--json", "veth-fdpass"], limit: 20_000 },
  beyond: MAIN_JOB,
});
await sweep({
  title: "authority",
  run: {
    args: ["-e", "authority", "-t", "60", "--json", "veth-fdpass"],
    limit: 80_000,
    parentOnly: true,
  },
  beyond: MAIN_JOB,
  choose: (plan) => fewOfEach(plan, FEW),
});
await sweep({
  title: "supervisor",
  run: {
    args: [
      ...["-e", "supervisor", "--workers", "1", "--kills", "1", "--rate", "100", "-t", "80"],
      ...["--json", "veth-fdpass"],
    ],
    limit: 100_000,
    parentOnly: true,
  },
  beyond: MAIN_JOB,
  choose: (plan) => fewOfEach(plan, FEW),
});
