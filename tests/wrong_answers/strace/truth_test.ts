/** The independent look at a run reports everything that did not really happen. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { TimedCall } from "./injection.ts";
import { parseMarkedLog } from "./log.ts";
import { COUNT, untrueClaims } from "./truth.ts";

const P = "10"; // the parent's thread

/** Lines of an honest log, and what is refuted if a line is missing or strace gave the answer. */
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
  ...Array.from(
    { length: COUNT },
    (_, i): [string, string] => [
      `${P} 2.8${i} sendto(23<socket:[70]>, "\\1\\0^\\177FD nonce ${i}", 62, 0, NULL, 0) = 62`,
      "RECV-02",
    ],
  ),
  [`${P} 3.25 close(24<socket:[77]>) = 0`, "RECV-03"],
];

const CHANNEL = 26, PACKET = 11;

const call = (name: string, args: string, result: string, time: number): TimedCall => ({
  ...{ process: "child.1", side: "child", libc: name, name, args, result, time },
  ...{ place: "", turn: 1, injected: false, tid: 0, ordinal: 0, nth: 1 },
});

const frame = (time: number) => call("recvmsg", `${PACKET}, 64`, "62", time);

const EARLY = frame(3);

/** The child's calls, and what is refuted if one is missing or the stand-in gave the answer. */
const CALLS: [call: TimedCall, refuted: string][] = [
  [call("recvmsg", `${CHANNEL}, 64`, "88", 1.4), "PASS-02"],
  [call("setgroups", "0", "0", 2.1), "DROP-01"],
  [call("setresgid", "65534, 65534, 65534", "0", 2.2), "DROP-02"],
  [call("setresuid", "65534, 65534, 65534", "0", 2.3), "DROP-03"],
  ...[EARLY, ...Array.from({ length: COUNT - 1 }, (_, i) => frame(3.3 + i / 10))]
    .map((each): [TimedCall, string] => [each, "RECV-01"]),
];

const MARKS = `${P} 1.0 access("fdpass-mark/the first", F_OK) = -1 ENOENT (no)\n`;
const HONEST = LINES.map(([line]) => line);
const JOURNAL = CALLS.map(([call]) => call);

const look = (lines: readonly string[], journal: readonly TimedCall[] = JOURNAL) =>
  untrueClaims(parseMarkedLog(MARKS + lines.join("\n")), journal);

Deno.test("untrueClaims() finds nothing in an honest run", () => {
  assertEquals(look(HONEST), []);
});

for (const [i, [line, refuted]] of LINES.entries()) {
  const call = line.match(/ (\w+\(.{0,24})/)![1];
  Deno.test(`untrueClaims() refutes ${refuted} without "${call}" (${i}), and if strace answered it`, () => {
    for (const lines of [HONEST.toSpliced(i, 1), HONEST.with(i, `${line} (INJECTED)`)]) {
      assertStringIncludes(look(lines).join("\n"), refuted);
    }
  });
}

for (const [i, [call, refuted]] of CALLS.entries()) {
  const shown = `${call.name}(${call.args})`;
  Deno.test(`untrueClaims() refutes ${refuted} without the child's ${shown} (${i}), and if a stand-in answered it`, () => {
    const answered = JOURNAL.with(i, { ...call, injected: true });
    for (const journal of [JOURNAL.toSpliced(i, 1), answered]) {
      assertStringIncludes(look(HONEST, journal).join("\n"), refuted);
    }
  });
}

Deno.test("untrueClaims() checks the order: a frame before the drop, all frames before the close", () => {
  const moved = [EARLY, ...JOURNAL.filter((each) => each !== EARLY)];
  moved.unshift(moved.splice(1, 1)[0]); // the message still comes first
  assert(look(HONEST, moved).some((each) => each.startsWith("RECV-01")));
  const early = JOURNAL.map((each) => each.args.startsWith(`${PACKET},`) ? EARLY : each);
  assert(look(HONEST, early).some((each) => each.startsWith("RECV-03")));
});

Deno.test("untrueClaims() finds an open way back to root", () => {
  const back: [string, string][] = [
    ["setresuid", "0, 0, 0"],
    ["setresgid", "0, 0, 0"],
    ["setgroups", "1"],
  ];
  for (const [name, args] of back) {
    const untrue = (result: string) =>
      look(HONEST, [...JOURNAL, call(name, args, result, 2.4)]).join("\n");
    assertStringIncludes(untrue("0"), "became root again");
    assertEquals(untrue("-1 EPERM "), "");
  }
});
