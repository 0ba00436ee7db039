/**
 * Traffic of others on the interface under test, as lines of shell that start it and then become
 * the command; and the main job among it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Packet, Verdict } from "../../lib/evidence/evidence.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** Sends a datagram to nobody every millisecond, by the far end. */
export const TRAFFIC = `ip address add 192.0.2.9/24 dev veth-fdpass-far
  ip neighbour add 192.0.2.8 lladdr 02:00:00:00:00:01 dev veth-fdpass-far nud permanent
  while :; do echo others >/dev/udp/192.0.2.8/9; read -t 0.001 <> <(:); done &
  exec "$0" "$@"`;

/** Sends a datagram to a group every millisecond, by the far end. */
export const GROUP_TRAFFIC = TRAFFIC.replaceAll("192.0.2.8", "233.252.0.9").replace(
  /ip neighbour.*\n/,
  "ip route add 233.252.0.0/24 dev veth-fdpass-far\n",
);

/** Runs the main job among {@linkcode TRAFFIC}, and asserts its verdict and exit status. */
export async function amongOthers(args: string[], expected: [Verdict, number] = ["PASS", 0]) {
  const command = [...FDPASS, "--json", ...args, "veth-fdpass"];
  const outcome = await inNamespace(["bash", "-c", TRAFFIC, ...command]);
  const evidence = evidenceIn(outcome);
  const [{ checks, packets, error }] = evidence.experiments;
  const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id);
  assertEquals([error, failed, evidence.verdict, outcome.code], [null, [], ...expected]);
  return { checks, packets };
}

/**
 * At least the requested number of frames of the stimulus. There may be a few more, because frames
 * that do not arrive for a while are replaced.
 */
export function assertStimulus(packets: readonly Packet[], count: number): void {
  const received = packets.filter(({ ours }) => ours).length;
  assert(received >= count, `${received} of ${count}`);
}
