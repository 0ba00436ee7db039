/**
 * The judges of the relay experiment: pure functions from what was seen to findings.
 *
 * @module
 */

import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { type Finding, judged } from "../../evidence/evidence.ts";
import { type Comparison, isWhole } from "../../harness/digests.ts";
import { DROP_REASONS, type DropReason } from "./datagrams.ts";
import type { PacketStatistics } from "../../packets/socket.ts";
import type { RelayAccount } from "./account.ts";
import { type EgressIdentity, formatEndpoint } from "./egress.ts";

/** The frames that the parent injected. */
export interface Injected {
  /** One entry for each datagram to the group. */
  readonly sent: readonly string[];
  /** The invalid frames that the filter lets pass, counted by what is wrong with them. */
  readonly invalid: ReadonlyMap<DropReason, number>;
  /** How many frames the filter must drop. */
  readonly filtered: number;
}

/**
 * Judges RELAY-01: the helper socket became a member of the group.
 *
 * @param before How many members there were before it joined.
 */
export function judgeMembership(before: number, after: number): Finding {
  return judged(
    after === before + 1,
    `${after} member(s), ${before} before`,
    { file: "/proc/net/igmp", before, after },
  );
}

/**
 * Judges RELAY-02: the egress leads to the destination alone, at the start and at the end.
 *
 * The parent's copy is the same open file description as the worker's, so what the worker did to
 * its own shows in the parent's.
 */
export function judgeEgress(
  [before, after]: readonly [EgressIdentity, EgressIdentity],
  link: Pick<Link, "name">,
  to: Ipv4Endpoint,
): Finding {
  const { source } = before;
  const wanted = { interface: link.name, source, peer: formatEndpoint(to), ttl: 1, loop: false };
  const different = (Object.keys(wanted) as (keyof EgressIdentity)[]).filter((name) =>
    before[name] !== wanted[name] || after[name] !== wanted[name]
  );
  return judged(
    different.length === 0,
    different.length === 0
      ? `connected to ${wanted.peer} via "${wanted.interface}", TTL 1, before and after`
      : `different: ${different.join(", ")}`,
    { wanted, before, after },
  );
}

/** Judges RELAY-03 by what the worker reports: every attempt to send elsewhere was refused. */
export function judgeAttempts(outcomes: { readonly [name: string]: string }): Finding {
  const attempts = Object.entries(outcomes);
  const others = attempts.filter(([, outcome]) => outcome !== "EPERM");
  return judged(
    others.length === 0,
    others.length === 0
      ? `${attempts.length} of ${attempts.length} attempts refused with EPERM`
      : others.map(([name, outcome]) => `${name}: ${outcome}`).join(", "),
    { outcomes },
  );
}

/**
 * Judges RELAY-03 and RELAY-04 by what the witnesses saw: the worker sent nothing but datagrams to
 * the destination.
 *
 * @param strays The worker's other frames, in words.
 * @param controls How many of the parent's own stray frames each witness saw: proof that it sees.
 */
export function judgeStrays(strays: readonly string[], controls: readonly number[]): Finding {
  return judged(
    strays.length === 0 && controls.every((seen) => seen > 0),
    strays.length === 0
      ? `nothing else on either interface; ${controls.join(" and ")} control frame(s)`
      : `${strays.length} stray frames from the worker: ${strays.slice(0, 4).join(", ")}`,
    { strays: strays.slice(0, 32), controls },
  );
}

/** Judges RELAY-05 and RELAY-06: every datagram arrived once, in order and unchanged. */
export function judgeComparison(comparison: Comparison): Finding {
  const { sent, arrived, again, disordered, foreign } = comparison;
  return judged(
    isWhole(comparison) && foreign === 0,
    `${arrived} of ${sent} datagrams; ${again} duplicated, ${disordered} out of order, ${foreign} foreign`,
    { ...comparison },
  );
}

/** Adds up counts by name. */
export function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/**
 * Judges RELAY-07: the worker's account agrees with what was injected and with what left.
 *
 * @param left The datagrams that left, compared with those that were injected.
 */
export function judgeAccount(
  account: RelayAccount,
  { invalid, sent }: Pick<Injected, "invalid" | "sent">,
  left: Comparison,
): Finding {
  const { dropped, refused, relayed } = account;
  const reasons = Object.keys(DROP_REASONS) as DropReason[];
  const different = reasons.filter((reason) => dropped[reason] !== (invalid.get(reason) ?? 0));
  const isRight = different.length === 0 && relayed === left.arrived + left.again + left.foreign &&
    refused + relayed === sent.length;
  const counted = reasons.filter((reason) => dropped[reason] > 0)
    .map((reason) => `${dropped[reason]} ${reason}`).join(", ");
  return judged(
    isRight && total(dropped) > 0,
    different.length === 0
      ? `${relayed} relayed; ${counted}`
      : different.map((reason) => `${reason}: ${dropped[reason]} of ${invalid.get(reason) ?? 0}`)
        .join(", "),
    { account, sent: { datagrams: sent.length, ...Object.fromEntries(invalid) } },
  );
}

/** Judges RELAY-08: the filter let through exactly the frames that it should, and none was lost. */
export function judgeFilter(
  { packets, drops }: PacketStatistics,
  { sent, invalid, filtered }: Injected,
): Finding {
  const passing = sent.length + total(Object.fromEntries(invalid));
  return judged(
    packets === passing && drops === 0 && filtered > 0,
    `${packets} of ${passing + filtered} frames passed the filter, which must drop ${filtered}; ` +
      `${drops} lost for lack of room`,
    { tp_packets: packets, tp_drops: drops, sent_to_pass: passing, sent_to_be_kept: filtered },
  );
}

/**
 * Judges RELAY-09: strict reverse path filtering takes every datagram from an AF_INET socket, and
 * none from the relay.
 *
 * @param off The datagrams that arrived at each while the filter was off.
 * @param ordinary How many datagrams the AF_INET socket received while the filter was strict.
 * @param left All datagrams that the relay sent.
 */
export function judgeReversePath(
  off: { readonly ordinary: Comparison; readonly relay: Comparison },
  ordinary: number,
  left: Comparison,
): Finding {
  const strict = { sent: left.sent - off.relay.sent, relay: left.arrived - off.relay.arrived };
  return judged(
    isWhole(off.ordinary) && isWhole(off.relay) && ordinary === 0 && isWhole(left),
    `rp_filter off: AF_INET ${off.ordinary.arrived} of ${off.ordinary.sent}, relay ${off.relay.arrived}; ` +
      `strict: AF_INET ${ordinary} of ${strict.sent}, relay ${strict.relay}`,
    { off: { ...off }, strict: { ordinary, relay: { ...left } } },
  );
}
