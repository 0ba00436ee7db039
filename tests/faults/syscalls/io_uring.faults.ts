/**
 * io_uring on the passed socket, with the system calls answered wrongly that the main job does not make.
 *
 * Not so the experiments with hardened workers: these are looked at by ptrace(2), by their parent (HARD-05) and by the attacker, and a process has
 * one tracer, which here is strace.
 */

import { MAIN_JOB, sweep } from "./sweep.ts";

await sweep({
  title: "io-uring",
  run: {
    by: "strace",
    args: ["-e", "io-uring", "-t", "10", "--json", "veth-fdpass"],
    limit: 20_000,
  },
  beyond: [MAIN_JOB],
});
