import { assertEquals } from "@std/assert";
import type { Arrival } from "../../../../lib/experiments/relay/arrivals.ts";
import { partsOf, passageOf } from "../../../../lib/experiments/relay/passage.ts";

/** Arrivals by letters: a capital one is of another sender, with the payload of the small one. */
const arrivals = (letters: string): Arrival[] =>
  [...letters].map((letter) => ({
    digest: letter.toLowerCase(),
    isOurs: letter === letter.toLowerCase(),
  }));

/** The differences from a passage in which all three of ours came out. */
function differences(came: string, left: string, sent = 3): Record<string, number> {
  const passage: Record<string, number> = { ...passageOf(sent, arrivals(came), [...left]) };
  const whole: Record<string, number> = { sent: 3, reached: 3, arrived: 3 };
  return Object.fromEntries(
    Object.entries(passage).filter(([name, count]) => count !== (whole[name] ?? 0)),
  );
}

const CASES: [what: string, came: string, left: string, differences: Record<string, number>][] = [
  ["all, in order", "abc", "abc", {}],
  ["one is lost", "abc", "ac", { arrived: 2, lost: 1 }],
  ["one comes twice", "abc", "abbc", { again: 1 }],
  ["two change places", "abc", "acb", { disordered: 1 }],
  ["one is invented", "abc", "abxc", { foreign: 1 }],
  ["one never arrives", "ac", "ac", { reached: 2, arrived: 2 }],
  ["one never arrives and comes out nevertheless", "ac", "abc", {
    reached: 2,
    arrived: 2,
    foreign: 1,
  }],
  ["one is lost and another invented", "abc", "axc", { arrived: 2, lost: 1, foreign: 1 }],
  ["others' come out between", "XaYbc", "xaybc", { others: 2 }],
  ["others' do not come out", "XaYbc", "abc", {}],
  ["others' come out in another order", "XaYbc", "yaxbc", { others: 2 }],
  ["ours is lost among others'", "aXbYc", "axcy", { arrived: 2, lost: 1, others: 2 }],
  ["others' come out twice", "aXbc", "axbxc", { others: 1, again: 1 }],
  ["another's has the payload of ours", "aBbc", "abbc", { others: 1 }],
  ["another's has the payload of ours, and one of the two is lost", "aBbc", "abc", {}],
  ["another's has the payload of ours, after it", "abcA", "bcaa", { others: 1 }],
  ["another repeats ours, and ours is lost as well", "abcB", "ac", { arrived: 2, lost: 1 }],
];

for (const [what, came, left, expected] of CASES) {
  Deno.test(`passageOf() counts: ${what}`, () => {
    assertEquals(differences(came, left), expected);
  });
}

Deno.test("passageOf() handles datagrams of ours that are equal", () => {
  assertEquals(differences("aab", "aab"), {});
  assertEquals(differences("aab", "ab"), { arrived: 2, lost: 1 });
  assertEquals(differences("aba", "aba"), {});
});

Deno.test("partsOf() divides what arrived with the nonce by when it was sent", () => {
  const sent = ["a", "b", "c", "d"], marked = new Set(["a", "c", "d"]);
  const parts = partsOf({ sent, marked }, 2, arrivals("abXcCd"));
  assertEquals(parts, { first: ["a"], second: ["c", "d"] });
  assertEquals(partsOf({ sent, marked }, 2, arrivals("ac")), { first: ["a"], second: ["c"] });
});
