/**
 * The exchange: the parent injects datagrams at one end and counts what comes out at the other,
 * with no more under way than the buffers hold.
 *
 * @module
 */

import { POLLIN } from "../../../ffi/abi/constants.ts";
import { pollAsync } from "../../../ffi/socket/poll.ts";
import type { Child } from "../../harness/child.ts";
import { takeDigests } from "../../harness/digests.ts";
import type { RelayStimulus } from "./stimulus.ts";
import type { OutputWitness } from "./witness.ts";

/** The most datagrams under way: the receive buffers hold them all. */
const WINDOW = 250;

/** The longest wait for a datagram, in milliseconds: it arrives at once, or is lost. */
const PATIENCE = 1000;

/** Both ends of an exchange. */
export interface Exchange {
  readonly stimulus: RelayStimulus;
  /** The witness of what leaves by the egress. */
  readonly leaving: OutputWitness;
  /** The receiver in the other namespace; `undefined` with `--out`. */
  readonly receiver: Child | undefined;
  /** The digests that the receiver has reported so far. */
  readonly received: string[];
  /** Ends the run. Its reason is an `Error`. */
  readonly signal: AbortSignal;
}

/**
 * Sends datagrams until `total` of this run are sent, and waits until all have come out or one is
 * lost.
 *
 * @throws The reason of the run's signal, if that is aborted first.
 */
export async function exchange(parties: Exchange, total: number): Promise<void> {
  const { stimulus, leaving, receiver, received, signal } = parties;
  for (;;) {
    signal.throwIfAborted();
    leaving.look();
    const done = receiver === undefined ? leaving.datagrams.length : received.length;
    if (done >= total) return;
    while (stimulus.sent.length < total && stimulus.sent.length - done < WINDOW) stimulus.send();
    if (receiver === undefined) {
      const [seen] = await pollAsync([leaving.fd], POLLIN, PATIENCE);
      if (seen === 0) return;
    } else {
      const detail = await receiver.reachedWithin(PATIENCE, "received");
      if (detail === undefined) return;
      takeDigests(received, detail.digests, stimulus.sent.length);
    }
  }
}

/** Ends the receiver, and takes the digests that were still on their way from it. */
export async function endReceiver({ receiver, received, stimulus }: Exchange): Promise<void> {
  if (receiver === undefined) return;
  receiver.send({ type: "enough" });
  for (;;) {
    const { stage, detail } = await receiver.reachedEither("received", "done");
    if (stage === "done") break;
    takeDigests(received, detail.digests, stimulus.sent.length);
  }
  await receiver.ended();
}
