import { assertEquals } from "@std/assert";
import { describeAccount, drawUpAccount } from "../../../../lib/experiments/supervisor/account.ts";
import { FOREIGN } from "../../../../lib/experiments/supervisor/progress.ts";

const journals = (...all: number[][]) => all.map((each) => Uint32Array.from(each));

Deno.test("drawUpAccount() counts each frame once in a stream that workers share", () => {
  assertEquals(drawUpAccount(6, journals([0, 2, 4], [], [5, 3, 1])), {
    sent: 6,
    once: 6,
    twice: 0,
    lost: [],
    absent: [],
    foreign: 0,
    others: 0,
  });
});

Deno.test("drawUpAccount() counts frames that came more than once, from one worker or from two", () => {
  const { once, twice, lost } = drawUpAccount(5, journals([0, 1, 1, 2], [2, 3, 3, 3]));
  assertEquals({ once, twice, lost }, { once: 1, twice: 3, lost: [4] });
  const often = drawUpAccount(2, journals(new Array(1000).fill(1)));
  assertEquals([often.once, often.twice, often.lost], [0, 1, [0]]);
});

Deno.test("drawUpAccount() names lost frames: at the beginning, in between, at the end", () => {
  assertEquals(drawUpAccount(6, journals([1, 2], [4])).lost, [0, 3, 5]);
  assertEquals(drawUpAccount(3, []).lost, [0, 1, 2]);
});

Deno.test("drawUpAccount() counts frames that were never sent as foreign, and needs no room for them", () => {
  const { foreign, once, lost } = drawUpAccount(2, journals([FOREIGN, 2, 0], [0xfffffffe, 1]));
  assertEquals({ foreign, once, lost }, { foreign: 3, once: 2, lost: [] });
  assertEquals(drawUpAccount(0, journals([0])).foreign, 1);
});

Deno.test("drawUpAccount() separates what did not arrive from what no worker received", () => {
  const arrivals = { times: new Map([[0, 1], [1, 2], [2, 2], [3, 1]]), others: 7 };
  const { once, twice, lost, absent, others } = drawUpAccount(
    7,
    journals([0, 1, 1, 2, 2, 2, 5]),
    arrivals,
  );
  assertEquals({ once, twice, lost, absent, others }, {
    once: 3, // 1 arrived twice, and 5 was seen by a worker alone
    twice: 1,
    lost: [3],
    absent: [4, 6],
    others: 7,
  });
});

Deno.test("Every frame is in the account once: received once, more often, or lost", () => {
  for (let round = 0; round < 50; round++) {
    const sent = round * 7;
    const random = () => Math.floor(Math.random() * sent * 1.2);
    const some = journals(...[0, 1, 2].map(() => Array.from({ length: sent / 2 | 0 }, random)));
    const { once, twice, lost } = drawUpAccount(sent, some);
    assertEquals(once + twice + lost.length, sent);
  }
});

Deno.test("describeAccount() names all four numbers", () => {
  assertEquals(
    describeAccount(drawUpAccount(4, journals([0, 1, 1]))),
    "4 sent, 1 received once, 1 twice, 2 lost",
  );
  const arrivals = { times: new Map([[0, 1], [1, 1], [3, 1]]), others: 0 };
  assertEquals(
    describeAccount(drawUpAccount(4, journals([0, 1, 1]), arrivals)),
    "4 sent, 1 received once, 1 twice, 1 lost, 1 did not arrive",
  );
});
