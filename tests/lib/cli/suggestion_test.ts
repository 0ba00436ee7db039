import { assertEquals } from "@std/assert";
import { didYouMean, suggestion } from "../../../lib/cli/suggestion.ts";

const KNOWN = ["--json", "--to", "--tap", "--out", "--report", "--receive", "-e", "tpacket-v3"];

Deno.test("suggestion() finds the word that is meant", () => {
  const cases = {
    "--jsno": "--json",
    "--JSON": "--json",
    "-json": "--json",
    "--recieve": "--receive",
    "--rep": "--report",
    "tpacket": "tpacket-v3",
    "tpacket_v3": "tpacket-v3",
    "--too": "--to",
  };
  for (const [wrong, right] of Object.entries(cases)) assertEquals(suggestion(wrong, KNOWN), right);
});

Deno.test("suggestion() does not guess when no word is close", () => {
  for (const wrong of ["--foo", "-x", "--", "", "--quiet", "--timeout", "recvmsg", "constructor"]) {
    assertEquals(suggestion(wrong, KNOWN), undefined, wrong);
  }
});

Deno.test("didYouMean() says where the right words are, after a guess or without one", () => {
  assertEquals(didYouMean("--jsno", KNOWN, "see --help"), "did you mean --json? see --help");
  assertEquals(didYouMean("--foo", KNOWN, "see --help"), "see --help");
});
