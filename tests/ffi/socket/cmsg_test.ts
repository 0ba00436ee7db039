import { assert, assertEquals } from "@std/assert";
import {
  CMSG_ALIGN,
  CMSG_LEN,
  CMSG_SPACE,
  cmsghdr,
  type ControlMessage,
  encodeControlMessages,
  findControlMessage,
  isRights,
  parseControlMessages,
  rightsIn,
  rightsMessage,
  SCM_RIGHTS,
  SCM_TIMESTAMPNS,
  SOL_PACKET,
  SOL_SOCKET,
  type WantedMessage,
} from "../../../ffi/mod.ts";

Deno.test("CMSG_ALIGN(), CMSG_LEN() and CMSG_SPACE() are as in cmsg(3)", () => {
  const table = [
    // length, CMSG_ALIGN, CMSG_LEN, CMSG_SPACE
    [0, 0, 16, 16],
    [1, 8, 17, 24],
    [4, 8, 20, 24],
    [8, 8, 24, 24],
    [9, 16, 25, 32],
    [12, 16, 28, 32],
    [253 * 4, 1016, 1028, 1032],
  ];
  for (const [length, aligned, len, space] of table) {
    assertEquals([CMSG_ALIGN(length), CMSG_LEN(length), CMSG_SPACE(length)], [aligned, len, space]);
  }
});

Deno.test("encodeControlMessages() lays out one descriptor as C does", () => {
  // deno-fmt-ignore
  assertEquals(encodeControlMessages([rightsMessage([0x01020304])]), Uint8Array.of(
    20, 0, 0, 0, 0, 0, 0, 0, // cmsg_len
    1, 0, 0, 0, // SOL_SOCKET
    1, 0, 0, 0, // SCM_RIGHTS
    4, 3, 2, 1, // the descriptor
    0, 0, 0, 0, // padding
  ));
});

for (const descriptors of [[[3]], [[3, 4]], [[]], [], [[3], [4, 5], [], [6, 7, 8]]]) {
  Deno.test(`parseControlMessages() reads ${JSON.stringify(descriptors)} back`, () => {
    const messages = parseControlMessages(encodeControlMessages(descriptors.map(rightsMessage)));
    assert(messages.every(isRights));
    assertEquals(messages.map(rightsIn), descriptors);
  });
}

Deno.test("parseControlMessages() keeps level, type and data of any message", () => {
  for (let length = 0; length <= 20; length++) {
    const data = Uint8Array.from({ length }, (_, i) => i + 1);
    const sent = [{ level: SOL_PACKET, type: -1, data }, { level: -2, type: 3, data }];
    assertEquals(parseControlMessages(encodeControlMessages(sent)), sent);
  }
});

/** A valid message, then one with this `cmsg_len`, in a buffer with 24 bytes left. */
function withSecondLength(cmsg_len: bigint): Uint8Array<ArrayBuffer> {
  const control = encodeControlMessages([rightsMessage([3]), rightsMessage([4])]);
  new DataView(control.buffer).setBigUint64(24, cmsg_len, true);
  return control;
}

const HOSTILE: [cmsg_len: bigint, descriptors: number[][]][] = [
  [0n, [[3]]],
  [1n, [[3]]],
  [15n, [[3]]],
  [16n, [[3], []]],
  [19n, [[3], []]], // three bytes are not a descriptor
  [20n, [[3], [4]]],
  [24n, [[3], [4, 0]]],
  [25n, [[3]]],
  [48n, [[3]]],
  [2n ** 31n, [[3]]],
  [2n ** 32n + 20n, [[3]]],
  [2n ** 63n, [[3]]],
  [2n ** 64n - 1n, [[3]]],
];

for (const [cmsg_len, descriptors] of HOSTILE) {
  Deno.test(`parseControlMessages() finds ${JSON.stringify(descriptors)} with a second cmsg_len of ${cmsg_len}`, () => {
    assertEquals(parseControlMessages(withSecondLength(cmsg_len)).map(rightsIn), descriptors);
  });
}

Deno.test("parseControlMessages() returns only the whole messages of a truncated buffer", () => {
  const control = encodeControlMessages([rightsMessage([3]), rightsMessage([4, 5])]);
  for (let length = 0; length <= control.length; length++) {
    const found = parseControlMessages(control.slice(0, length)).map(rightsIn);
    assertEquals(found, length < 20 ? [] : length < 48 ? [[3]] : [[3], [4, 5]], `${length} bytes`);
  }
});

/** What findControlMessage() must find, by the list of all messages. */
function firstOf(control: Uint8Array<ArrayBuffer>, wanted: WantedMessage): number {
  const message = parseControlMessages(control).find(({ level, type, data }) =>
    level === wanted.level && type === wanted.type && data.length >= wanted.size
  );
  return message === undefined ? -1 : (message.data.byteOffset - control.byteOffset) / 4;
}

Deno.test("findControlMessage() finds the message that parseControlMessages() lists first", () => {
  const message = (level: number, type: number, size: number): ControlMessage => ({
    level,
    type,
    data: new Uint8Array(size),
  });
  const messages = [message(1, 35, 16), message(263, 8, 20), message(1, 35, 3), message(1, 1, 0)];
  const wanted: WantedMessage[] = [
    { level: 1, type: 35, size: 16 },
    { level: 1, type: 35, size: 17 },
    { level: 263, type: 8, size: 20 },
    { level: 263, type: 8, size: 21 },
    { level: 1, type: 1, size: 0 },
    { level: 2, type: 35, size: 0 },
  ];
  const controls = [
    ...[messages, messages.toReversed(), []].map(encodeControlMessages),
    ...HOSTILE.map(([cmsg_len]) => withSecondLength(cmsg_len)),
  ];
  let found = 0;
  for (const control of controls) {
    const words = new Int32Array(control.buffer);
    for (let end = 0; end <= words.length; end++) {
      for (const each of wanted) {
        const at = findControlMessage(words, 0, end, each);
        assertEquals(at, firstOf(control.subarray(0, end * 4), each), `${control}, ${end} words`);
        if (at !== -1) found++;
      }
    }
  }
  assert(found > 50, `${found} found`);
});

Deno.test("findControlMessage() begins at its start", () => {
  const control = encodeControlMessages([rightsMessage([3]), rightsMessage([4])]);
  const words = new Int32Array(control.buffer);
  const rights = { level: SOL_SOCKET, type: SCM_RIGHTS, size: 4 };
  assertEquals([0, 6].map((start) => findControlMessage(words, start, 12, rights)), [4, 10]);
});

Deno.test("parseControlMessages() stays within random bytes, and ends", () => {
  let state = 1;
  const random = (
    below: number,
  ) => (state = Math.imul(state, 1103515245) + 12345 >>> 0, (state >>> 16) % below);
  for (let round = 0; round < 5000; round++) {
    const control = Uint8Array.from({ length: random(80) }, () => random(256));
    for (let at = 0; at + cmsghdr.size <= control.length; at += 8 * (1 + random(4))) {
      cmsghdr.over(control, at).cmsg_len = random(48);
    }
    const messages = parseControlMessages(control);
    const occupied = messages.reduce((sum, { data }) => sum + CMSG_LEN(data.length), 0);
    assert(occupied <= control.length, `${occupied} bytes found in ${control}`);
  }
});

Deno.test("isRights() is true of SOL_SOCKET with SCM_RIGHTS alone", () => {
  const data = new Uint8Array(4);
  assertEquals(isRights({ level: SOL_SOCKET, type: SCM_RIGHTS, data }), true);
  assertEquals(isRights({ level: SOL_SOCKET, type: SCM_TIMESTAMPNS, data }), false);
  assertEquals(isRights({ level: SOL_PACKET, type: SCM_RIGHTS, data }), false);
});

Deno.test("rightsIn() returns whole ints only, at any alignment", () => {
  const memory = Uint8Array.of(0xff, 7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0, 9, 9, 9);
  const message = (length: number) => ({
    ...rightsMessage([]),
    data: memory.subarray(1, 1 + length),
  });
  const table: [length: number, descriptors: number[]][] = [
    [0, []],
    [3, []],
    [4, [7]],
    [7, [7]],
    [8, [7, -1]],
    [11, [7, -1]],
    [12, [7, -1, 8]],
    [15, [7, -1, 8]],
  ];
  for (const [length, descriptors] of table) assertEquals(rightsIn(message(length)), descriptors);
});
