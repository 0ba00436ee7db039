/**
 * An independent look at a run of `privilege-drop`: at the parent by strace, and at the child by
 * the journal of its calls. A call that was answered in the kernel's place did not happen.
 *
 * @module
 */

import type { TimedCall } from "./injection.ts";

/** The packets that the run is asked for, which is also the default. */
export const COUNT = 5;

/**
 * Whether these arguments run the main job with a worker that is not hardened, which is what this
 * file knows.
 */
export function isPlainMainJob(args: readonly string[]): boolean {
  return !args.includes("-e") && !args.includes("--harden");
}

/** The arguments of a call that would lead back to root. */
const BACK = /^(0, 0, 0|1)/;

const DROPPED = /^65534, 65534, 65534/;

/** Collects a sentence for each claim that does not hold. */
class Claims {
  readonly untrue: string[] = [];

  claim(holds: boolean, sentence: string): void {
    if (!holds) this.untrue.push(sentence);
  }
}

type Call = Pick<TimedCall, "name" | "args" | "result">;

/** The index of the first call with a name, arguments and a result; -1 if there is none. */
function find(calls: readonly Call[], name: string, args: RegExp, result: RegExp): number {
  return calls.findIndex((call) =>
    call.name === name && args.test(call.args) && result.test(call.result)
  );
}

/**
 * The claims of a run that do not hold.
 *
 * @param calls The system calls of the parent's JavaScript threads, in order, by strace.
 * @param journal The child's calls.
 * @returns A sentence for each; empty if every claim is true.
 */
export function untrueClaims(
  calls: readonly TimedCall[],
  journal: readonly TimedCall[],
): string[] {
  const parent = calls.filter(({ injected, side }) => !injected && side === "parent");
  const claims = new Claims();

  // One socket is created with protocol 0, bound to the interface, and passed, by its inode.
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

  // Frames are sent, and some are received after the parent's copy is closed.
  const sent = parent.filter(({ name, result }) => name === "sendto" && /^[1-9]/.test(result));
  claims.claim(sent.length >= COUNT, `RECV-02: ${sent.length} frames were sent`);
  const closed = find(parent, "close", new RegExp(`\\[${inode}\\]`), /^0/);
  claims.claim(
    closed > bound && arrivals(journal).some(isAfter(parent[closed])),
    "RECV-03: nothing was received after the parent had closed its copy",
  );
  return [...claims.untrue, ...untrueClaimsOfChild(journal)];
}

/**
 * The claims about the child that do not hold.
 *
 * @param journal Calls, among them the child's.
 * @returns A sentence for each; empty if every claim is true.
 */
export function untrueClaimsOfChild(journal: readonly TimedCall[]): string[] {
  const child = real(journal);
  const claims = new Claims();
  const received = find(child, "recvmsg", /^/, /^[1-9]/);

  // The drop, in this order, and no way back.
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

/** The calls that the child's kernel really answered. */
function real(journal: readonly TimedCall[]): TimedCall[] {
  return journal.filter(({ side, injected }) => side === "child" && !injected);
}

/**
 * The child's receive calls after the drop, except those on the control channel, which is the
 * descriptor of its first recvmsg().
 */
function arrivals(journal: readonly TimedCall[]): TimedCall[] {
  const [channel] = journal.filter(({ side, name }) => side === "child" && name === "recvmsg")
    .map(numberOf);
  const child = real(journal);
  const dropped = find(child, "setresuid", DROPPED, /^0/);
  if (dropped === -1) return [];
  return child.slice(dropped).filter((call) =>
    call.name === "recvmsg" && numberOf(call) !== channel && /^[1-9]/.test(call.result)
  );
}

/** Whether a call returned after another, by the milliseconds of a journal. */
function isAfter({ time }: TimedCall): (call: TimedCall) => boolean {
  return (call) => call.time * 1000 >= Math.floor(time * 1000);
}

/** The descriptor that a call is made on. */
const numberOf = ({ args }: TimedCall) => args.split(",")[0];
