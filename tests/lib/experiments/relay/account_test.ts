import { assertEquals, assertThrows } from "@std/assert";
import { asAccount } from "../../../../lib/experiments/relay/account.ts";
import { DROP_REASONS } from "../../../../lib/experiments/relay/datagrams.ts";

const ACCOUNT = {
  received: 9,
  relayed: 5,
  dropped: Object.fromEntries(Object.keys(DROP_REASONS).map((reason, i) => [reason, i])),
  refused: 1,
  retried: 3,
};

Deno.test("asAccount() accepts a complete account, and nothing else", () => {
  assertEquals<unknown>(asAccount({ account: ACCOUNT }), ACCOUNT);
  const more = { ...ACCOUNT, other: 1, dropped: { ...ACCOUNT.dropped, other: 1 } };
  assertEquals<unknown>(asAccount({ account: more, other: 1 }), ACCOUNT);
});

const changed = (name: string, value: unknown) => ({ account: { ...ACCOUNT, [name]: value } });
const WRONG: [what: string, detail: { [name: string]: unknown }][] = [
  ["no account", {}],
  ["a list", { account: [] }],
  ["no number", changed("received", "9")],
  ["a negative number", changed("relayed", -1)],
  ["a fraction", changed("refused", 0.5)],
  ["a number beyond the limit", changed("retried", 2 ** 40 + 1)],
  ["no reasons", changed("dropped", undefined)],
  ...Object.keys(DROP_REASONS).map((reason): [string, { [name: string]: unknown }] => [
    `no count of "${reason}"`,
    changed("dropped", { ...ACCOUNT.dropped, [reason]: undefined }),
  ]),
];

for (const [what, detail] of WRONG) {
  Deno.test(`asAccount() refuses ${what}`, () => {
    assertThrows(() => asAccount(detail), Error);
  });
}
