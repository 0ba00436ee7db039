/**
 * The same program as `bench/c/scm_rights.c`, with `ffi/`: the same options, steps and report.
 *
 *     deno run -A bench/round_trip.ts --descriptors N --rounds N
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { parseArgs } from "@std/cli/parse-args";
import {
  AF_UNIX,
  close,
  dup,
  O_CLOEXEC,
  open,
  receiveDescriptors,
  sendDescriptors,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
} from "../ffi/mod.ts";

const options = parseArgs(Deno.args, { string: ["descriptors", "rounds"] });
const descriptors = Number(options.descriptors);
const rounds = Number(options.rounds);

const nullFd = open("/dev/null", O_CLOEXEC);
const sent = Array.from({ length: descriptors }, (_, i) => i === 0 ? nullFd : dup(nullFd));
const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
const sending = { data: new Uint8Array(1) };
const receiving = { expected: descriptors, buffer: new Uint8Array(1) };

function roundTrip(): void {
  sendDescriptors(here, sent, sending);
  receiveDescriptors(there, receiving).descriptors.forEach(close);
}

for (let i = 0; i < Math.min(rounds, 1000); i++) roundTrip();
const start = performance.now();
for (let i = 0; i < rounds; i++) roundTrip();
const us_per_round = (performance.now() - start) * 1000 / rounds;
console.log(JSON.stringify({ descriptors, rounds, us_per_round }));
