/**
 * An independent look at a run of `privilege-drop`: the parent as strace saw it, the child by the journal of its calls. A call that was answered in the kernel's
 * place did not take place.
 *
 * @module
 */

import type { JournalledCall } from "../stand_in/with_stand_in.ts";
import type { MarkedCall } from "./log.ts";

/** Packets that the run is asked for; what it asks for if nothing is said. */
export const COUNT = 5;

/** Whether fdpass, with these arguments, does what is looked at here: the main job, with a worker that is not hardened. */
export function isPlainMainJob(args: readonly string[]): boolean {
  return !args.includes("-e") && !args.includes("--harden");
}

/** What leads back to root, if it is allowed. */
const BACK = /^(0, 0, 0|1)/;

const DROPPED = /^65534, 65534, 65534/;

/** A sentence for each claim that does not hold. */
class Claims {
  readonly untrue: string[] = [];

  claim(holds: boolean, sentence: string): void {
    if (!holds) this.untrue.push(sentence);
  }
}

type Call = Pick<MarkedCall, "name" | "args" | "result">;

/** Where in these calls is the first with such a name, such arguments and such a result; -1 if it is not there. */
function find(calls: readonly Call[], name: string, args: RegExp, result: RegExp): number {
  return calls.findIndex((call) =>
    call.name === name && args.test(call.args) && result.test(call.result)
  );
}

/**
 * What of the claims did not take place.
 *
 * @param calls What the parent's threads of JavaScript did, in order, by strace.
 * @param journal The child's calls.
 * @returns A sentence each; none if every claim is true.
 */
export function whatIsUntrue(
  calls: readonly MarkedCall[],
  journal: readonly JournalledCall[],
): string[] {
  const parent = calls.filter(({ injected, side }) => !injected && side === "parent");
  const claims = new Claims();

  // One socket: made with protocol 0, bound to the interface, and passed, by its inode.
  const bound = find(parent, "bind", /ETH_P_ALL.*"veth-fdpass"/, /^0/);
  const inode = parent[bound]?.args.match(/^\d+<[\w-]*:\[(\d+)/)?.[1];
  claims.claim(inode !== undefined, "SOCK-01: no packet socket was bound to the interface");
  const made = find(parent, "socket", /AF_PACKET.*htons\(0/, new RegExp(`\\[${inode}\\]`));
  claims.claim(made >= 0 && made < bound, "SOCK-02: it was not made with protocol 0");
  const carried = new RegExp(`SCM_RIGHTS, cmsg_data=\\[\\d+<[^>]*\\[${inode}\\]>\\]`);
  claims.claim(
    find(parent, "sendmsg", carried, /^[1-9]/) > bound,
    "PASS-02: it was not passed, alone",
  );

  // Frames were sent, and some were received after the parent's copy was closed.
  const sent = parent.filter(({ name, result }) => name === "sendto" && /^[1-9]/.test(result));
  claims.claim(sent.length >= COUNT, `RECV-02: ${sent.length} frames were sent`);
  const closed = find(parent, "close", new RegExp(`\\[${inode}\\]`), /^0/);
  claims.claim(
    closed > bound && arrivals(journal).some(isAfter(parent[closed])),
    "RECV-03: nothing was received after the parent had closed its copy",
  );
  return [...claims.untrue, ...whatTheChildDidNot(journal)];
}

/**
 * What of the child's part did not take place.
 *
 * @param journal Its calls, among others'.
 * @returns A sentence each.
 */
export function whatTheChildDidNot(journal: readonly JournalledCall[]): string[] {
  const child = real(journal);
  const claims = new Claims();
  const received = find(child, "recvmsg", /^/, /^[1-9]/);

  // The drop, in this order; and no way back.
  const groups = find(child, "setgroups", /^0/, /^0/);
  const gids = find(child, "setresgid", DROPPED, /^0/);
  const uids = find(child, "setresuid", DROPPED, /^0/);
  claims.claim(received >= 0 && received < uids, "PASS-02: no message was received");
  claims.claim(groups >= 0, "DROP-01: setgroups did not take place");
  claims.claim(gids > groups, "DROP-02: setresgid did not take place");
  claims.claim(uids > gids, "DROP-03, DROP-04: setresuid did not take place");
  const isRegained = ["setresuid", "setresgid", "setgroups"].some((name) =>
    find(child, name, BACK, /^0/) >= 0
  );
  claims.claim(!isRegained, "DROP-05: it became root again");

  const { length } = arrivals(journal);
  claims.claim(length >= COUNT, `RECV-01: ${length} frames were received after the drop`);
  return claims.untrue;
}

/** What the child's kernel answered itself. */
function real(journal: readonly JournalledCall[]): JournalledCall[] {
  return journal.filter(({ side, injected }) => side === "child" && !injected);
}

/** What the child received after the drop, on another descriptor than the first that it received by. */
function arrivals(journal: readonly JournalledCall[]): JournalledCall[] {
  const [channel] = journal.filter(({ side, name }) => side === "child" && name === "recvmsg")
    .map(numberOf);
  const child = real(journal);
  const dropped = find(child, "setresuid", DROPPED, /^0/);
  if (dropped === -1) return [];
  return child.slice(dropped).filter((call) =>
    call.name === "recvmsg" && numberOf(call) !== channel && /^[1-9]/.test(call.result)
  );
}

/** Whether a call had returned after another, as far as a journal's milliseconds tell. */
function isAfter({ time }: MarkedCall): (call: JournalledCall) => boolean {
  return (call) => call.time * 1000 >= Math.floor(time * 1000);
}

/** The descriptor that a call is about. */
const numberOf = ({ args }: JournalledCall) => args.split(",")[0];
