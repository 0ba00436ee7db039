/** A small part of the sweeps for every test run: the most important calls pretend to succeed. */

import { MAIN_JOB, sweep, UNDER_STRACE } from "./strace/sweep.ts";
import type { Injection } from "./strace/injection.ts";

/** Without these there is no socket, no message, no drop, no packet. */
const CALLS = [
  ...["socket", "bind", "socketpair", "recvmsg", "setgroups", "setresgid", "setresuid"],
  ...["getdents64", "getsockopt", "capget", "sendto"],
];

function chooseLies(plan: readonly Injection[]): Injection[] {
  const lies = plan.filter(({ libc, syscall, answer }) =>
    "result" in answer && libc === syscall && CALLS.includes(libc)
  );
  return [...Map.groupBy(lies, ({ libc }) => libc).values()].map(([first]) => first);
}

await sweep({
  title: "privilege-drop, a few of the parent's",
  run: UNDER_STRACE,
  choose: chooseLies,
});

await sweep({
  title: "privilege-drop, a few of the child's",
  run: MAIN_JOB,
  only: ({ side }) => side === "child",
  choose: chooseLies,
});
