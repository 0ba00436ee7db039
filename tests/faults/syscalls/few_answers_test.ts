/** A small part of the sweep: for the calls that matter most, the success that did nothing. */

import { MAIN_JOB, sweep } from "./sweep.ts";

/** Without these there is no socket, no crossing, no drop, no packet. */
const CALLS = [
  ...["socket", "bind", "socketpair", "recvmsg", "setgroups", "setresgid", "setresuid"],
  ...["getdents64", "getsockopt", "capget", "sendto"],
];

await sweep({
  title: "privilege-drop, a few",
  run: MAIN_JOB,
  choose: (plan) => {
    const lies = plan.filter(({ libc, syscall, answer }) =>
      "result" in answer && libc === syscall && CALLS.includes(libc)
    );
    const kinds = Map.groupBy(lies, ({ side, libc }) => `${side} ${libc}`);
    return [...kinds.values()].map(([first]) => first);
  },
});
