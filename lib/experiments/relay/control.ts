/**
 * Root's own control of the output of a relay: what leaves by the worker's sockets before the
 * worker has them. Without it, a datagram that is missing at the output would refute nothing.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import { send, sendTo } from "../../../ffi/socket/calls.ts";
import { inetAddress } from "../../../ffi/socket/inet.ts";
import type { Digest } from "../../harness/digests.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { ELSEWHERE } from "../../packets/marks.ts";
import { retryWhileFull } from "../../packets/send.ts";
import { strayFrame, strayPayload } from "./elsewhere.ts";
import type { Exchange } from "./exchange.ts";
import { SEND_ATTEMPTS } from "./stimulus.ts";
import type { OutputWitness } from "./witness.ts";

/** The longest wait for a frame of the control, in milliseconds. */
const TIMEOUT = 1000;

/** The size of the payload of the control datagram, in bytes. */
const CONTROL_SIZE = 32;

/** Sends, and returns the message of the error if the kernel refuses. */
function whyRefused(step: () => unknown): string | undefined {
  try {
    retryWhileFull(step, SEND_ATTEMPTS);
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

/**
 * Sends a stray datagram by the egress and a stray frame by a packet socket, as a worker must not.
 *
 * @param egressFd The egress.
 * @param inward A packet socket that is bound to the interface that the worker receives from, and
 *   the form of the frames there.
 * @param witnesses The witnesses of the one and of the other.
 * @param text The text of the control frames, as the witnesses know it.
 * @returns How many of them each witness saw.
 */
export async function controlStrays(
  egressFd: number,
  inward: { readonly fd: number; readonly layer: LinkLayer },
  witnesses: readonly [OutputWitness, OutputWitness],
  text: string,
): Promise<number[]> {
  whyRefused(() => sendTo(egressFd, strayPayload(text), 0, inetAddress(ELSEWHERE)));
  whyRefused(() => send(inward.fd, strayFrame(inward.layer, text), 0));
  return [await witnesses[0].awaitControl(TIMEOUT), await witnesses[1].awaitControl(TIMEOUT)];
}

/**
 * Sends a datagram to the destination by the egress. It does not count among what came out.
 *
 * @returns Why it did not leave, or did not reach the receiver; `undefined` if it did.
 */
export async function controlOutput(
  flow: Exchange,
  egressFd: number,
  digest: Digest,
): Promise<string | undefined> {
  const { leaving, receiver, received } = flow;
  const payload = crypto.getRandomValues(new Uint8Array(CONTROL_SIZE));
  const name = digest(payload);
  const remedy = "look for rules (nft, iptables, tc) on the output";
  const refusal = whyRefused(() => send(egressFd, payload, 0));
  if (refusal !== undefined) {
    return `root cannot send to the destination by the worker's socket either: ${refusal}; ${remedy}`;
  }
  if (!await leaving.awaitDatagram(name, TIMEOUT)) {
    return `a datagram of root's own, sent by the worker's socket, did not leave: ${remedy}`;
  }
  if (receiver === undefined) return undefined;
  for (const deadline = performance.now() + TIMEOUT; performance.now() < deadline;) {
    await flow.hear(deadline - performance.now());
    const at = received.indexOf(name);
    if (at === -1) continue;
    received.splice(at, 1);
    return undefined;
  }
  return "a datagram of root's own, sent by the worker's socket, did not reach the receiver";
}
