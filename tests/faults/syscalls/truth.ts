/**
 * An independent look at a run of `privilege-drop`: what really took place, by what strace saw of both processes. What strace itself
 * answered did not take place.
 *
 * @module
 */

import type { MarkedCall } from "./log.ts";

/** Packets that the run is asked for; what it asks for if nothing is said. */
export const COUNT = 5;

/** What leads back to root, if it is allowed. */
const BACK = /^(0, 0, 0|1, \[0\])/;

const DROPPED = "65534, 65534, 65534";

/**
 * What of the claims did not take place.
 *
 * @param calls What the threads of JavaScript did, in order.
 * @returns A sentence each; none if every claim is true.
 */
export function whatIsUntrue(calls: readonly MarkedCall[]): string[] {
  const real = calls.filter(({ injected }) => !injected);
  const parent = real.filter(({ side }) => side === "parent");
  const child = real.filter(({ side }) => side === "child");
  const did = (by: readonly MarkedCall[], name: string, args: RegExp, result: RegExp) =>
    by.findIndex((call) => call.name === name && args.test(call.args) && result.test(call.result));
  const untrue: string[] = [];
  const claim = (holds: boolean, sentence: string) => {
    if (!holds) untrue.push(sentence);
  };

  // One socket: made with protocol 0, bound to the interface, passed, and received, by its inode.
  const bound = did(parent, "bind", /ETH_P_ALL.*"veth-fdpass"/, /^0/);
  const inode = parent[bound]?.args.match(/^\d+<[\w-]*:\[(\d+)/)?.[1];
  claim(inode !== undefined, "SOCK-01: no packet socket was bound to the interface");
  const made = did(parent, "socket", /AF_PACKET.*htons\(0/, new RegExp(`\\[${inode}\\]`));
  claim(made >= 0 && made < bound, "SOCK-02: it was not made with protocol 0");
  const carried = new RegExp(`SCM_RIGHTS, cmsg_data=\\[\\d+<[^>]*\\[${inode}\\]>\\]`);
  claim(did(parent, "sendmsg", carried, /^[1-9]/) > bound, "PASS-02: it was not passed");
  const received = did(child, "recvmsg", carried, /^[1-9]/);
  claim(received >= 0, "PASS-02, PASS-03: it was not received, alone");
  const mentioned = child.findIndex(({ args, result }) =>
    `${args} ${result}`.includes(`[${inode}]`)
  );
  claim(mentioned === received, "PASS-01: the child had it before it was passed");

  // The drop, in this order, by the kernel itself; and no way back.
  const control = did(child, "socket", /AF_PACKET/, /^\d/);
  const groups = did(child, "setgroups", /^0, /, /^0/);
  const gids = did(child, "setresgid", new RegExp(DROPPED), /^0/);
  const uids = did(child, "setresuid", new RegExp(DROPPED), /^0/);
  claim(control >= 0 && control < uids, "DENY-01: no packet socket was made before the drop");
  // The runtime empties them too, when it starts a program in a session of its own.
  claim(groups >= 0 && groups < uids, "DROP-01: setgroups did not take place");
  claim(gids > groups, "DROP-02: setresgid did not take place");
  claim(uids > gids, "DROP-03, DROP-04: setresuid did not take place");
  const isRegained = ["setresuid", "setresgid", "setgroups"].some((name) =>
    did(child, name, BACK, /^0/) >= 0
  );
  claim(!isRegained, "DROP-05: it became root again");
  claim(
    ["setresuid", "setresgid", "setgroups"].every((name) => did(child, name, BACK, /EPERM/) > uids),
    "DROP-05: not every way back was refused by the kernel",
  );
  claim(
    did(child, "socket", /AF_PACKET/, /EPERM/) > uids,
    "DENY-01: the kernel was not asked for a packet socket after the drop, or did not refuse it",
  );

  // Frames that the parent sent, received after the drop by that socket; some of them after the parent's copy was closed.
  const payload = (args: string) => args.match(/"((?:[^"\\]|\\.)*)"/)?.[1];
  const sent = new Set(
    parent.filter(({ name, result }) => name === "sendto" && /^[1-9]/.test(result))
      .map(({ args }) => payload(args)),
  );
  const arrivals = child.slice(uids + 1).filter(({ name, args, result }) =>
    name === "recvmsg" && args.includes(`[${inode}]`) && /^[1-9]/.test(result)
  ).filter(({ args }) => sent.has(payload(args)));
  const distinct = new Set(arrivals.map(({ args }) => payload(args)));
  claim(
    distinct.size >= COUNT,
    `RECV-01, RECV-02: ${distinct.size} frames of the parent's were received`,
  );
  const closed = did(parent, "close", new RegExp(`\\[${inode}\\]`), /^0/);
  claim(
    closed > bound && arrivals.some(({ time }) => time > parent[closed].time),
    "RECV-03: nothing was received after the parent had closed its copy",
  );
  return untrue;
}
