/** The independent look at a run: whatever did not really take place makes it say so. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseMarkedLog } from "./log.ts";
import { COUNT, whatIsUntrue } from "./truth.ts";

const P = "10", C = "20"; // the parent's thread, the child's

const frame = (i: number) => `"\\1\\0^\\177FD nonce ${i}"`;

const received = (i: number) =>
  `${C} 3.${i} recvmsg(11<socket:[77]>, {msg_name=NULL, msg_iov=[{iov_base=${
    frame(i)
  }, iov_len=2048}]}, MSG_DONTWAIT) = 62`;

/** What is refuted if the line is not there, or was strace's answer. */
const LINES: [line: string, refuted: string][] = [
  [
    `${P} 1.1 socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, htons(0 /* ETH_P_??? */)) = 24<socket:[77]>`,
    "SOCK-02",
  ],
  [
    `${P} 1.2 bind(24<socket:[77]>, {sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL), sll_ifindex=if_nametoindex("veth-fdpass")}, 20) = 0`,
    "SOCK-01",
  ],
  [
    `${P} 1.3 sendmsg(25<UNIX:[1->2]>, {msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[24<socket:[77]>]}]}, MSG_DONTWAIT) = 88`,
    "PASS-02",
  ],
  [
    `${C} 1.4 recvmsg(26<UNIX:[2->1]>, {msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[11<socket:[77]>]}]}, MSG_DONTWAIT) = 88`,
    "PASS-02, PASS-03",
  ],
  [
    `${C} 1.5 socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, htons(0 /* ETH_P_??? */)) = 12<socket:[78]>`,
    "DENY-01",
  ],
  [`${C} 2.1 setgroups(0, NULL) = 0`, "DROP-01"],
  [`${C} 2.2 setresgid(65534, 65534, 65534) = 0`, "DROP-02"],
  [`${C} 2.3 setresuid(65534, 65534, 65534) = 0`, "DROP-03"],
  [`${C} 2.4 setresuid(0, 0, 0) = -1 EPERM (Operation not permitted)`, "DROP-05"],
  [`${C} 2.5 setresgid(0, 0, 0) = -1 EPERM (Operation not permitted)`, "DROP-05"],
  [`${C} 2.6 setgroups(1, [0]) = -1 EPERM (Operation not permitted)`, "DROP-05"],
  [
    `${C} 2.7 socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, htons(0 /* ETH_P_??? */)) = -1 EPERM (Operation not permitted)`,
    "DENY-01",
  ],
  ...Array.from(
    { length: COUNT },
    (_, i): [string, string] => [
      `${P} 2.8${i} sendto(23<socket:[70]>, ${frame(i)}, 62, 0, NULL, 0) = 62`,
      "RECV-01",
    ],
  ),
  ...Array.from({ length: COUNT - 2 }, (_, i): [string, string] => [received(i), "RECV-01"]),
  [`${P} 3.25 close(24<socket:[77]>) = 0`, "RECV-03"],
  [received(COUNT - 2), "RECV-01"],
  [received(COUNT - 1), "RECV-01"],
];

const MARKS = `${P} 1.0 access("fdpass-mark/parent/the first", F_OK) = -1 ENOENT (no)
${C} 1.0 access("fdpass-mark/child/the first", F_OK) = -1 ENOENT (no)\n`;

const look = (lines: readonly string[]) => whatIsUntrue(parseMarkedLog(MARKS + lines.join("\n")));

const HONEST = LINES.map(([line]) => line);

Deno.test("whatIsUntrue() has nothing to say of a run in which everything took place", () => {
  assertEquals(look(HONEST), []);
});

for (const [i, [line, refuted]] of LINES.entries()) {
  const call = line.match(/ (\w+\(.{0,24})/)![1];
  Deno.test(`whatIsUntrue() refutes ${refuted} without "${call}" (${i}), and if strace answered it`, () => {
    for (const lines of [HONEST.toSpliced(i, 1), HONEST.with(i, `${line} (INJECTED)`)]) {
      assertStringIncludes(look(lines).join("\n"), refuted);
    }
  });
}

Deno.test("whatIsUntrue() knows the order: a frame from before the drop, a socket that was there before", () => {
  const early = received(0);
  const moved = [...HONEST.filter((line) => line !== early)];
  moved.splice(moved.findIndex((line) => line.includes("setgroups(0")), 0, early);
  assert(look(moved).some((each) => each.startsWith("RECV-01")));
  const held = `${C} 1.35 getsockopt(9<socket:[77]>, SOL_SOCKET, SO_DOMAIN, [17], [4]) = 0`;
  assert(look(HONEST.toSpliced(3, 0, held)).some((each) => each.startsWith("PASS-01")));
  const regained = HONEST.map((line) =>
    line.replace(
      "setresuid(0, 0, 0) = -1 EPERM (Operation not permitted)",
      "setresuid(0, 0, 0) = 0",
    )
  );
  assert(look(regained).some((each) => each.includes("became root again")));
});
