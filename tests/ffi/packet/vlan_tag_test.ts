import { assertEquals } from "@std/assert";
import { ETH_P_8021AD, ETH_P_8021Q, restoreVlanTag } from "../../../ffi/mod.ts";

const FRAME = Uint8Array.from({ length: 60 }, (_, i) => i);

Deno.test("restoreVlanTag() puts the tag behind the addresses, and leaves the frame as it was", () => {
  for (const [tpid, tci] of [[ETH_P_8021Q, 5], [ETH_P_8021AD, 0xffff], [0x9100, 0]]) {
    const tag = [tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff];
    assertEquals(
      restoreVlanTag(FRAME, { tpid, tci }),
      Uint8Array.of(...FRAME.subarray(0, 12), ...tag, ...FRAME.subarray(12)),
    );
  }
  assertEquals(FRAME, Uint8Array.from({ length: 60 }, (_, i) => i));
});

Deno.test("restoreVlanTag() returns a frame without a tag, or without whole addresses, as it is", () => {
  assertEquals(restoreVlanTag(FRAME, undefined), FRAME);
  const tag = { tpid: ETH_P_8021Q, tci: 5 };
  for (let length = 0; length < 12; length++) {
    assertEquals(restoreVlanTag(FRAME.slice(0, length), tag), FRAME.slice(0, length));
  }
  assertEquals(restoreVlanTag(FRAME.slice(0, 12), tag).length, 16);
});
