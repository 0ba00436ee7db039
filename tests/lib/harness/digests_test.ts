import { assertEquals, assertObjectMatch, assertThrows } from "@std/assert";
import {
  compare,
  type Comparison,
  DIGESTS_PER_MESSAGE,
  isWhole,
  sha256,
  takeDigests,
} from "../../../lib/harness/digests.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";

const [A, B, C, D] = ["a", "b", "c", "d"];

const CASES: [
  situation: string,
  sent: string[],
  received: string[],
  whole: boolean,
  figures: Partial<Comparison>,
][] = [
  ["the same", [A, B, C], [A, B, C], true, { arrived: 3, lost: 0 }],
  ["nothing sent", [], [], false, { arrived: 0, lost: 0 }],
  ["nothing received", [A], [], false, { arrived: 0, lost: 1 }],
  ["one lost", [A, B, C], [A, C], false, { arrived: 2, lost: 1 }],
  ["one received twice", [A, B], [A, B, B], false, { arrived: 2, again: 1 }],
  ["two out of order", [A, B, C], [B, A, C], false, { arrived: 3, disordered: 1 }],
  ["one foreign", [A, B], [A, D, B], true, { arrived: 2, foreign: 1 }],
  ["equal frames, all received", [A, A, B, A], [A, A, B, A], true, { arrived: 4 }],
  ["equal frames, one lost", [A, A, B], [A, B], false, { arrived: 2, lost: 1, disordered: 0 }],
  ["equal frames, one too many", [A, B, A], [A, B, A, A], false, { arrived: 3, again: 1 }],
];

for (const [situation, sent, received, whole, figures] of CASES) {
  Deno.test(`compare() detects: ${situation}`, () => {
    const comparison = compare(sent, received);
    assertObjectMatch(comparison, figures);
    assertEquals(isWhole(comparison), whole);
  });
}

Deno.test("sha256() computes SHA-256 in base64", async () => {
  const digest = await sha256();
  assertEquals(digest(new Uint8Array(0)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
});

Deno.test("takeDigests() appends a list of digests, and refuses other values and too many digests", () => {
  const received: string[] = [];
  assertEquals(takeDigests(received, ["a", "b"], 2), ["a", "b"]);
  assertEquals(received, ["a", "b"]);
  assertThrows(() => takeDigests(received, "ab", 2), ExperimentError, "not a short list");
  const many = new Array(DIGESTS_PER_MESSAGE).fill("x");
  assertThrows(() => takeDigests(received, [...many, "x"], 2), ExperimentError, "not a short list");
  const flood = () => {
    for (let i = 0; i < 10_000; i++) takeDigests(received, many, 2);
  };
  assertThrows(flood, ExperimentError, "sends too much");
});
