/** The policy of a worker that may send by one connected socket: it allows nothing else beside. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compileFilter,
  explainRefusal,
  type SyscallName,
  syscallNumber,
} from "../../../ffi/mod.ts";
import { receiveOnlyPolicy } from "../../../lib/confine/policy.ts";
import { ARCH, calls, interpret, inWords, meaning } from "../../support/cbpf.ts";

const OPTIONS = { packetFd: 7, channelFd: 5, ioUring: false, pid: 4711 };
const EGRESS = 9n;
const WITHOUT = receiveOnlyPolicy(OPTIONS);
const POLICY = receiveOnlyPolicy({ ...OPTIONS, egressFd: Number(EGRESS) });
const ALLOW = 0x7fff0000, EPERM = 0x00050001;
const BUFFER = 0x7f00_0000_0000n, NAME = 0x7f00_0000_1000n, HIGH = 0xdead_beef_0000_0000n;

type Call = [syscall: SyscallName, ...args: bigint[]];

const ALLOWED: Call[] = [
  ["sendto", EGRESS, BUFFER, 1472n, 0x40n, 0n, 0n],
  ["sendto", HIGH | EGRESS, BUFFER, 0n, 0n, 0n, 0n],
  ["sendto", EGRESS, BUFFER, 1n, 0n, 0n, HIGH], // an int, of which the kernel takes the lower half
  ["sendto", 5n, BUFFER, 1n, 0n, NAME, 16n], // the control channel, as before
];

const REFUSED: Call[] = [
  ["sendto", EGRESS, BUFFER, 1n, 0n, NAME, 16n],
  ["sendto", EGRESS, BUFFER, 1n, 0n, NAME, 0n],
  ["sendto", EGRESS, BUFFER, 1n, 0n, 1n, 0n],
  ["sendto", EGRESS, BUFFER, 1n, 0n, 1n << 32n, 0n], // a pointer that is not NULL, its lower half 0
  ["sendto", EGRESS, BUFFER, 1n, 0n, 0n, 16n],
  ["sendto", 10n, BUFFER, 1n, 0n, 0n, 0n],
  ["sendto", 7n, BUFFER, 1n, 0n, 0n, 0n],
  ["sendto", HIGH | 7n, BUFFER, 1n, 0n, 0n, 0n],
  ["sendmsg", EGRESS, BUFFER, 0n],
  ["sendmmsg", EGRESS, BUFFER, 1n, 0n],
  ["connect", EGRESS, NAME, 16n],
  ["bind", EGRESS, NAME, 16n],
  ["setsockopt", EGRESS, 0n, 32n, BUFFER, 12n],
  ["ioctl", EGRESS],
  ["dup", EGRESS],
  ["fcntl", EGRESS, 0n],
  ["fcntl", EGRESS, 4n],
  ["shutdown", EGRESS],
  ["splice", 1n, 0n, EGRESS],
  ["sendfile", EGRESS],
];

for (const architecture of ["x86_64", "aarch64"] as const) {
  const program = compileFilter(POLICY, architecture);
  const returned = ([syscall, ...args]: Call) =>
    interpret(program, {
      arch: ARCH[architecture],
      nr: syscallNumber(syscall, architecture)!,
      args: [...args, 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6),
    });

  Deno.test(`receiveOnlyPolicy() with an egress allows sendto without an address, ${architecture}`, () => {
    assertEquals(ALLOWED.filter((call) => returned(call) !== ALLOW), []);
    assertEquals(REFUSED.filter((call) => returned(call) !== EPERM), []);
  });

  Deno.test(`receiveOnlyPolicy() with an egress compiles to an equivalent program, ${architecture}`, () => {
    const differences: string[] = [];
    let more = 0;
    for (const call of calls(POLICY, architecture)) {
      const expected = meaning(POLICY, architecture, call);
      if (interpret(program, call) !== expected) differences.push(inWords(architecture, call));
      if (expected === meaning(WITHOUT, architecture, call)) continue;
      more++;
      const [fd, , , , address, length] = call.args;
      const isEgress = call.nr === syscallNumber("sendto", architecture) &&
        BigInt.asUintN(32, fd) === EGRESS && address === 0n && BigInt.asUintN(32, length) === 0n;
      if (!isEgress || expected !== ALLOW) differences.push(inWords(architecture, call));
    }
    assertEquals(differences, []);
    assert(more > 0, "something is allowed that was not");
  });
}

Deno.test("receiveOnlyPolicy() with an egress needs each condition of its rule", () => {
  const index = POLICY.rules.findIndex(({ reason }) => reason.startsWith("forward a datagram"));
  const rule = POLICY.rules[index];
  for (const condition of rule.when!) {
    const weaker = { ...rule, when: rule.when!.filter((each) => each !== condition) };
    const program = compileFilter({ ...POLICY, rules: POLICY.rules.with(index, weaker) }, "x86_64");
    const allowed = REFUSED.filter(([syscall, ...args]) =>
      interpret(program, {
        arch: ARCH.x86_64,
        nr: syscallNumber(syscall, "x86_64")!,
        args: [...args, 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6),
      }) === ALLOW
    );
    assert(allowed.length > 0, `argument ${condition.argument}`);
  }
});

Deno.test("receiveOnlyPolicy() throws RangeError if the egress is another descriptor as well", () => {
  for (const egressFd of [5, 7]) {
    assertThrows(() => receiveOnlyPolicy({ ...OPTIONS, egressFd }), RangeError, "the egress");
  }
});

Deno.test("a refusal by the egress names what is allowed", () => {
  assertEquals(
    explainRefusal(POLICY, "sendto", [EGRESS, 0n, 0n, 0n, NAME, 16n])?.includes(
      "forward a datagram",
    ),
    true,
  );
});
