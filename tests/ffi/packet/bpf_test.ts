import { assertEquals, assertThrows } from "@std/assert";
import {
  assemble,
  attachedFilter,
  attachFilter,
  bpfAnd,
  type BpfInstruction,
  bpfJumpAnySet,
  bpfJumpAtLeast,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  Errno,
  errnoOf,
  lockFilter,
  MSG_DONTWAIT,
  recv,
  send,
  setsockopt,
  SO_DETACH_FILTER,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen, type Scope } from "../descriptors.ts";

const RETURN_ALL = bpfReturn(0xffffffff), RETURN_NONE = bpfReturn(0);

Deno.test("assemble() writes the same bytes as the kernel's assembler", () => {
  // Documentation/networking/filter.rst, "ARP packets", as `bpf_asm -c` prints it.
  const source = [bpfLoad(12, 2), bpfJumpEqual(0x806, 0, 1), RETURN_ALL, RETURN_NONE];
  const golden: [code: number, jt: number, jf: number, k: number][] = [
    [0x28, 0, 0, 0x0000000c],
    [0x15, 0, 1, 0x00000806],
    [0x06, 0, 0, 0xffffffff],
    [0x06, 0, 0, 0x00000000],
  ];
  assertEquals(
    assemble(source),
    new Uint8Array(golden.flatMap(([code, jt, jf, k]) => [
      ...new Uint8Array(Uint16Array.of(code).buffer),
      jt,
      jf,
      ...new Uint8Array(Uint32Array.of(k).buffer),
    ])),
  );
});

/** Whether each datagram passes a socket with this filter. */
function passed(
  scope: Scope,
  program: readonly BpfInstruction[],
  datagrams: readonly number[][],
): boolean[] {
  const [near, far] = scope.pair(SOCK_DGRAM);
  attachFilter(far, assemble(program));
  return datagrams.map((bytes) => {
    send(near, Uint8Array.from(bytes), MSG_DONTWAIT);
    return errnoOf(() => recv(far, new Uint8Array(16), MSG_DONTWAIT)) === 0;
  });
}

const verdict = (jump: BpfInstruction) => [jump, RETURN_ALL, RETURN_NONE];

for (
  const [title, program, datagrams, expected] of [
    [
      "bpfLoad() loads one byte, and bpfJumpEqual() compares it",
      [bpfLoad(1, 1), ...verdict(bpfJumpEqual(7, 0, 1))],
      [[0, 7], [7, 0], [0, 8]],
      [true, false, false],
    ],
    [
      "bpfLoad() loads two and four bytes in network byte order",
      [
        bpfLoad(0, 2),
        bpfJumpEqual(0x0102, 0, 3),
        bpfLoad(0, 4),
        ...verdict(bpfJumpEqual(0x01020304, 0, 1)),
      ],
      [[1, 2, 3, 4], [2, 1, 3, 4], [1, 2, 4, 3]],
      [true, false, false],
    ],
    [
      "bpfAnd() masks",
      [bpfLoad(0, 1), bpfAnd(0xf0), ...verdict(bpfJumpEqual(0x40, 0, 1))],
      [[0x4f], [0x40], [0x50]],
      [true, true, false],
    ],
    [
      "bpfJumpAtLeast() compares without sign",
      [bpfLoad(0, 4), ...verdict(bpfJumpAtLeast(0x80000000, 0, 1))],
      [[0x7f, 255, 255, 255], [0x80, 0, 0, 0], [255, 255, 255, 255]],
      [false, true, true],
    ],
    [
      "bpfJumpAnySet() looks for a bit",
      [bpfLoad(0, 1), ...verdict(bpfJumpAnySet(0x06, 0, 1))],
      [[0x02], [0x04], [0x09]],
      [true, true, false],
    ],
  ] as [string, BpfInstruction[], number[][], boolean[]][]
) {
  Deno.test(
    title,
    leavingNothingOpen((scope) => assertEquals(passed(scope, program, datagrams), expected)),
  );
}

Deno.test("assemble() throws RangeError for a number too large for its field, and for a jump out of the program", () => {
  for (
    const program of [
      [],
      new Array(4097).fill(RETURN_ALL),
      [bpfReturn(0x100000000)],
      [bpfReturn(-1)],
      [bpfJumpEqual(0, 1, 0), RETURN_ALL],
      [bpfJumpEqual(0, 0, 1), RETURN_ALL],
      [bpfJumpEqual(0, 256, 0), ...new Array(300).fill(RETURN_ALL)],
    ]
  ) assertThrows(() => assemble(program), RangeError);
  assertEquals(assemble(new Array(4096).fill(RETURN_ALL)).length, 4096 * 8);
});

Deno.test(
  "attachFilter() replaces the filter; after lockFilter() no process can replace, detach or unlock it",
  leavingNothingOpen((scope) => {
    const [near, far] = scope.pair(SOCK_DGRAM);
    const passes = () => {
      send(near, Uint8Array.of(1), MSG_DONTWAIT);
      return errnoOf(() => recv(far, new Uint8Array(1), MSG_DONTWAIT)) === 0;
    };
    attachFilter(far, assemble([RETURN_NONE]));
    assertEquals(passes(), false);
    attachFilter(far, assemble([RETURN_ALL]));
    assertEquals(passes(), true);
    attachFilter(far, assemble([RETURN_NONE]));
    lockFilter(far);
    assertEquals(errnoOf(() => attachFilter(far, assemble([RETURN_ALL]))), Errno.EPERM);
    assertEquals(errnoOf(() => setsockopt(far, SOL_SOCKET, SO_DETACH_FILTER, 0)), Errno.EPERM);
    assertEquals(passes(), false);
  }),
);

Deno.test(
  "attachedFilter() returns the attached program unchanged, or nothing if there is none",
  leavingNothingOpen((scope) => {
    const [near, far] = scope.pair(SOCK_DGRAM);
    const program = assemble([bpfLoad(0, 1), bpfJumpEqual(7, 0, 1), RETURN_ALL, RETURN_NONE]);
    attachFilter(far, program);
    lockFilter(far);
    assertEquals(attachedFilter(far), program);
    assertEquals(attachedFilter(near), new Uint8Array(0));
    assertEquals(errnoOf(() => attachedFilter(-1)), Errno.EBADF);
  }),
);

Deno.test(
  "attachFilter() throws SystemError for a program that the kernel does not accept",
  leavingNothingOpen((scope) => {
    const [fd] = scope.pair(SOCK_DGRAM);
    assertEquals(errnoOf(() => attachFilter(fd, assemble([bpfLoad(0)]))), Errno.EINVAL);
    assertEquals(errnoOf(() => attachFilter(-1, assemble([RETURN_ALL]))), Errno.EBADF);
  }),
);
