/**
 * The judges of the relay experiment: pure functions from what was seen to findings.
 *
 * @module
 */

import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { type Finding, judged, skipped } from "../../evidence/evidence.ts";
import { type Comparison, isWhole } from "../../harness/digests.ts";
import type { PacketStatistics } from "../../packets/socket.ts";
import type { RelayAccount } from "./account.ts";
import type { Bounds } from "./arrivals.ts";
import { DROP_REASONS, type DropReason } from "./datagrams.ts";
import { type EgressIdentity, formatEndpoint } from "./egress.ts";
import type { Passage } from "./passage.ts";

/** The frames that the parent injected. */
export interface Injected {
  /** The frames that the filter lets pass and that must be dropped, by what is wrong with them. */
  readonly invalid: ReadonlyMap<DropReason, number>;
  /** How many frames the filter must drop. */
  readonly filtered: number;
}

/** What limits the judgement here, as the parent saw it. */
export interface Limits {
  /** The control: why a datagram of root's by the worker's socket did not leave, if it did not. */
  readonly whyNoOutput: string | undefined;
  /** How many frames root's witnesses at the input missed for lack of room. */
  readonly missedInput: number;
  /** How many frames root's witness at the output missed for lack of room. */
  readonly missedOutput: number;
  /** How many frames the worker's socket dropped for lack of room. */
  readonly drops: number;
  /** How many datagrams of others arrived for the group and port. */
  readonly others: number;
  /** How many datagrams of ours were injected. */
  readonly ours: number;
}

const whyMissed = (where: string, missed: number) =>
  `root's witness at the ${where} had no room for ${missed} frames: repeat it on a quieter interface`;

/**
 * Returns why frames may be missing though the worker is all right: others sent more to the group
 * than its socket had room for.
 */
function whyCrowded({ drops, others, ours }: Limits): string | undefined {
  if (drops === 0 || others <= ours) return undefined;
  return `others sent ${others} datagrams to the group, and the worker's socket had no room for ` +
    `${drops} frames: name a quieter group with --from`;
}

/** Returns why datagrams may be missing at the output though the worker is all right. */
function whyIncomplete(limits: Limits): string | undefined {
  const { whyNoOutput, missedOutput } = limits;
  return whyNoOutput ?? whyCrowded(limits) ??
    (missedOutput > 0 ? whyMissed("output", missedOutput) : undefined);
}

/**
 * Judges RELAY-01: the helper socket became a member of the group. Others may join as well.
 *
 * @param before How many members there were before it joined.
 * @param after How many there are now.
 * @param file Where they are listed.
 */
export function judgeMembership(before: number, after: number, file: string): Finding {
  return judged(after > before, `${after} member(s), ${before} before`, { file, before, after });
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
  const reach = { ttl: 1, loop: false, fragments: false };
  const wanted = { interface: link.name, source, peer: formatEndpoint(to), ...reach };
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
 * @param missed How many frames the witnesses missed for lack of room.
 */
export function judgeStrays(
  strays: readonly string[],
  controls: readonly number[],
  missed: number,
): Finding {
  const evidence = { strays: strays.slice(0, 32), controls, missed };
  const seen = controls.join(" and ");
  if (strays.length > 0) {
    const some = strays.slice(0, 4).join(", ");
    return judged(false, `${strays.length} stray frames from the worker: ${some}`, evidence);
  }
  if (controls.includes(0)) {
    return skipped(
      `the witnesses saw ${seen} of root's own control frames, so their silence shows nothing: ` +
        "look for rules (nft, iptables, tc) on both interfaces",
      evidence,
    );
  }
  if (missed > 0) return skipped(whyMissed("output", missed), evidence);
  return judged(true, `nothing else on either interface; ${seen} control frame(s)`, evidence);
}

/**
 * Judges RELAY-05 and RELAY-06: every datagram of ours that arrived came out once, in order and
 * unchanged, and nothing that did not arrive.
 */
export function judgePassage(passage: Passage, limits: Limits): Finding {
  const { sent, reached, arrived, lost, again, disordered, others, foreign } = passage;
  const evidence = { ...passage, ...limits };
  const observed =
    `${arrived} of ${sent} datagrams; ${again} duplicated, ${disordered} out of order, ` +
    `${foreign} foreign` + (others > 0 ? `; ${others} of others relayed` : "");
  const { missedInput } = limits;
  const whyLost = whyIncomplete(limits);
  const isInvented = foreign > 0 && missedInput === 0;
  if (again + disordered > 0 || isInvented || (lost > 0 && whyLost === undefined)) {
    return judged(false, observed, evidence);
  }
  if (lost > 0) return skipped(`${observed}; ${whyLost}`, evidence);
  if (missedInput > 0 && (foreign > 0 || arrived < sent || sent === 0)) {
    return skipped(`${observed}; ${whyMissed("input", missedInput)}`, evidence);
  }
  if (reached < sent && arrived < sent) {
    return skipped(
      `only ${reached} of the ${sent} datagrams that root injected arrived at the interface, as ` +
        "root's own packet socket saw; the relay is not judged by the others: " +
        "name an interface that leads there with --stimulus",
      evidence,
    );
  }
  return judged(sent > 0, observed, evidence);
}

/** Adds up counts by name. */
export function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

const REASONS = Object.keys(DROP_REASONS) as DropReason[];

/** Returns a range as text: one number if the ends are equal. */
const range = (least: number, most: number) => least === most ? `${least}` : `${least} to ${most}`;

/**
 * Judges RELAY-07: the worker's account agrees with what arrived and with what left.
 *
 * @param bounds What arrived, as root's witness saw it.
 * @param left How many datagrams left.
 */
export function judgeAccount(
  account: RelayAccount,
  { invalid }: Pick<Injected, "invalid">,
  { atLeast, atMost }: Bounds,
  left: number,
  limits: Limits,
): Finding {
  const { dropped, refused, relayed } = account;
  const evidence = {
    account,
    sent: Object.fromEntries(invalid),
    at_least: atLeast,
    at_most: atMost,
  };
  const outcomes = [
    ["datagrams", relayed + refused, atLeast.relayed, atMost.relayed] as const,
    ...REASONS.map((reason) =>
      [reason, dropped[reason], atLeast.dropped[reason], atMost.dropped[reason]] as const
    ),
  ];
  const missing = outcomes.filter(([, count, least]) => count < least);
  const tooMany = outcomes.filter(([, count, , most]) => count > most);
  const different = [...missing, ...tooMany]
    .map(([name, count, least, most]) => `${name}: ${count} of ${range(least, most)}`);
  if (relayed !== left) different.push(`relayed: ${relayed}, but ${left} left`);

  const whyMissing = missing.length === 0 ? undefined : whyCrowded(limits);
  const whyTooMany = tooMany.length > 0 && limits.missedInput > 0
    ? whyMissed("input", limits.missedInput)
    : undefined;
  const whyNotLeft = relayed === left || limits.missedOutput === 0
    ? undefined
    : whyMissed("output", limits.missedOutput);
  const isRefuted = missing.length > 0 && whyMissing === undefined ||
    tooMany.length > 0 && whyTooMany === undefined ||
    relayed !== left && whyNotLeft === undefined;
  if (isRefuted) return judged(false, different.join(", "), evidence);
  const why = whyMissing ?? whyTooMany ?? whyNotLeft;
  if (why !== undefined) return skipped(`${different.join(", ")}; ${why}`, evidence);

  if (total(atMost.dropped) === 0) {
    return skipped(
      "no invalid frame arrived at the interface, as root's own packet socket saw: " +
        "name an interface that leads there with --stimulus",
      evidence,
    );
  }
  const absent = [...invalid].filter(([reason, count]) => atMost.dropped[reason] < count)
    .map(([reason, count]) => `${atMost.dropped[reason]} of ${count} ${reason}`);
  const note = absent.length === 0 ? "" : `; the link let through only ${absent.join(", ")}`;
  const counted = REASONS.filter((reason) => dropped[reason] > 0)
    .map((reason) => `${dropped[reason]} ${reason}`).join(", ");
  return judged(true, `${relayed} relayed; ${counted}${note}`, evidence);
}

/** The reasons for which the filter of the worker's socket drops a frame. */
const FILTERED: readonly DropReason[] = ["not IPv4", "not the group", "not the source", "not UDP"];

/**
 * Judges RELAY-08: the filter let through exactly the frames that it should, and none was lost.
 *
 * @param bounds What arrived at a socket of root's with the same filter.
 */
export function judgeGroupFilter(
  { packets, drops }: PacketStatistics,
  { filtered }: Pick<Injected, "filtered">,
  { atLeast, atMost }: Bounds,
  limits: Limits,
): Finding {
  const least = atLeast.frames, most = atMost.frames;
  const wrong = total(
    Object.fromEntries(FILTERED.map((reason) => [reason, atMost.dropped[reason]])),
  );
  const evidence = {
    tp_packets: packets,
    tp_drops: drops,
    root_s_at_least: least,
    root_s_at_most: most,
    sent_to_be_kept: filtered,
    passed_and_should_not: wrong,
  };
  const observed = `${packets} frames passed the filter, ${range(least, most)} at root's own ` +
    `socket; ${filtered} sent that it must drop; ${drops} lost for lack of room`;
  const isRight = packets >= least && packets <= most && wrong === 0;
  const why = isRight
    ? whyCrowded(limits)
    : limits.missedInput > 0 && wrong === 0
    ? whyMissed("input", limits.missedInput)
    : undefined;
  if (why !== undefined) return skipped(`${observed}; ${why}`, evidence);
  return judged(isRight && drops === 0 && filtered > 0, observed, evidence);
}

/** The datagrams that arrived in the two parts of the exchange. */
export interface ReversePathParts {
  /** While reverse path filtering was off. */
  readonly off: { readonly ordinary: Comparison; readonly relay: Comparison };
  /** While it was strict. */
  readonly strict: { readonly ordinary: Comparison; readonly relay: Comparison };
}

/**
 * Judges RELAY-09: strict reverse path filtering takes every datagram from an AF_INET socket, and
 * none from the relay. Only datagrams that carry the nonce of the run count.
 *
 * It is skipped if the AF_INET socket did not get the datagrams while the filter was off, or got
 * some while it was strict: something other than the filter decided then.
 */
export function judgeReversePath({ off, strict }: ReversePathParts, limits: Limits): Finding {
  const observed =
    `rp_filter off: AF_INET ${off.ordinary.arrived} of ${off.ordinary.sent}, relay ${off.relay.arrived}; ` +
    `strict: AF_INET ${strict.ordinary.arrived} of ${strict.ordinary.sent}, relay ${strict.relay.arrived}`;
  const evidence = { off, strict };
  if (!isWhole(off.ordinary)) {
    return skipped(
      `${observed}; the AF_INET socket is kept from the datagrams by something else: look for an ` +
        "nft or iptables rule in the input path, and at ip rule; on a port of a bridge: name the bridge",
      evidence,
    );
  }
  if (strict.ordinary.arrived > 0) {
    return skipped(
      `${observed}; the source of the datagrams is routed back by this interface (ip route get)`,
      evidence,
    );
  }
  if (isWhole(off.relay) && isWhole(strict.relay)) return judged(true, observed, evidence);
  const why = whyIncomplete(limits);
  if (why !== undefined) return skipped(`${observed}; ${why}`, evidence);
  if (strict.relay.sent === 0) return skipped(`${observed}; none arrived`, evidence);
  return judged(false, observed, evidence);
}
