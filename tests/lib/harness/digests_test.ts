import { assertEquals, assertThrows } from "@std/assert";
import {
  compare,
  DIGESTS_PER_MESSAGE,
  isWhole,
  sha256,
  takeDigests,
} from "../../../lib/harness/digests.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";

const [A, B, C, D] = ["a", "b", "c", "d"];

const CASES: [what: string, sent: string[], received: string[], whole: boolean, figures: object][] =
  [
    ["the same", [A, B, C], [A, B, C], true, { arrived: 3, lost: 0 }],
    ["nothing sent", [], [], false, { arrived: 0, lost: 0 }],
    ["nothing received", [A], [], false, { arrived: 0, lost: 1 }],
    ["one lost", [A, B, C], [A, C], false, { arrived: 2, lost: 1 }],
    ["one twice", [A, B], [A, B, B], false, { arrived: 2, again: 1 }],
    ["two swapped", [A, B, C], [B, A, C], false, { arrived: 3, disordered: 1 }],
    ["one foreign", [A, B], [A, D, B], true, { arrived: 2, foreign: 1 }],
    ["equal ones, all there", [A, A, B, A], [A, A, B, A], true, { arrived: 4 }],
    ["equal ones, one lost", [A, A, B], [A, B], false, { arrived: 2, lost: 1, disordered: 0 }],
    ["equal ones, one more", [A, B, A], [A, B, A, A], false, { arrived: 3, again: 1 }],
  ];

for (const [what, sent, received, whole, figures] of CASES) {
  Deno.test(`compare() detects: ${what}`, () => {
    const comparison = compare(sent, received);
    assertEquals({ ...comparison, ...figures }, comparison);
    assertEquals(isWhole(comparison), whole);
  });
}

Deno.test("sha256() is SHA-256, in base64", async () => {
  const digest = await sha256();
  assertEquals(digest(new Uint8Array(0)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
});

Deno.test("takeDigests() adds a list of digests, and throws for anything else and for too many foreign ones", () => {
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
