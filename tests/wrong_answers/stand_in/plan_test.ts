import { assertEquals } from "@std/assert";
import { errnosOf, GENERAL } from "../strace/errnos.ts";
import type { Injection, LoggedCall, RunRecord } from "../strace/injection.ts";
import { placeKey, planFor } from "./plan.ts";

const RUN = { by: "stand-in" as const, args: ["veth-fdpass"], limit: 1000 };

const call = (process: string, libc: string, place: string, turn = 1): LoggedCall => ({
  ...{ process, libc, place, turn, name: libc, side: "child", result: "0", injected: false },
  ...{ tid: 0, ordinal: 0, nth: 1, args: "" },
});

const recordOf = (...calls: LoggedCall[]): RunRecord => ({
  ...{ job: RUN, code: 0, stdout: "", stderr: "", milliseconds: 1, hung: false, calls },
  ...{ left: { processes: [], interfaces: [], files: [], sockets: [] }, injected: [], untrue: [] },
});

const all = () => true;

const answerOf = ({ answer }: Injection) => "errno" in answer ? answer.errno : answer.result;

Deno.test("planFor() tries the first and the last call of each place, with a lie and an errno", () => {
  const record = recordOf(
    call("child.1", "bind", "bind@socket.ts:40 one@a.ts:1"),
    call("child.1", "bind", "bind@socket.ts:40 one@a.ts:1", 2),
    call("child.2", "bind", "bind@socket.ts:40 one@a.ts:1"),
    call("child.2", "bind", "bind@socket.ts:40 two@a.ts:9"),
  );
  const tried = planFor(RUN, record, record, all).map((injection) => [
    injection.place.split(" ")[1],
    injection.job.answering!.process,
    answerOf(injection),
  ]);
  assertEquals(tried.slice(0, 6), [
    ["one@a.ts:1", "child.1", 0],
    ["one@a.ts:1", "child.2", 0],
    ["one@a.ts:1", "child.1", "EACCES"],
    ["one@a.ts:1", "child.2", "EADDRINUSE"],
    ["two@a.ts:9", "child.2", 0],
    ["two@a.ts:9", "child.2", "EBADF"],
  ]);
});

Deno.test("planFor() deals every errno over the places of a call, and starts again if there are more places", () => {
  const few = recordOf(
    call("child.1", "close", "one@a.ts:1"),
    call("child.1", "close", "two@a.ts:2"),
    call("child.1", "setsid", "one@a.ts:3"),
  );
  const deck = errnosOf("close");
  const tried = planFor(RUN, few, few, all);
  const closes = tried.filter(({ libc }) => libc === "close");
  assertEquals(closes.map(answerOf), [0, deck[0], 0, ...deck.slice(1)]);
  assertEquals(
    closes.filter(({ answer }) => "errno" in answer).map(({ place }) => place),
    deck.map((_, i) => i % 2 === 0 ? "one@a.ts:1" : "two@a.ts:2"),
  );
  assertEquals(tried.slice(closes.length).map(answerOf), [0, ...GENERAL]);

  const places = Array.from({ length: deck.length + 1 }, (_, i) => `some@a.ts:${i}`);
  const many = recordOf(...places.map((place) => call("child.1", "close", place)));
  const errnos = planFor(RUN, many, many, all).map(answerOf).filter((answer) => answer !== 0);
  assertEquals(errnos, [...deck, deck[0]]);
});

Deno.test("planFor() leaves out calls of only one of two runs, and calls of no interest", () => {
  const often = call("child.1", "bind", "bind@socket.ts:40");
  const once = call("child.1", "listen", "listen@socket.ts:50");
  assertEquals(planFor(RUN, recordOf(often, once), recordOf(once), (each) => each !== once), []);
  assertEquals(planFor(RUN, recordOf(often), recordOf(), all), []);
});

Deno.test("placeKey() ignores distant callers, and tells functions apart", () => {
  const near = "poll@socket.ts:1 wait@b.ts:2 turn@b.ts:3";
  const key = placeKey(call("child.1", "poll", `${near} main@c.ts:4`));
  assertEquals(placeKey(call("child.7", "poll", `${near} other@d.ts:5`, 9)), key);
  assertEquals(placeKey(call("child.1", "read", `${near} main@c.ts:4`)) === key, false);
});

Deno.test("planFor() tries the first turn of the last inspection, whatever its number", () => {
  const look = (line: number, turn: number) => ({
    ...call(
      "parent.1",
      "open",
      `open@ffi/process/file.ts:1 read@ffi/process/file.ts:2 look@lib/inspect/look.ts:3 parent@a.ts:${line}`,
      turn,
    ),
    side: "parent" as const,
  });
  const record = recordOf(look(1, 1), look(1, 2), look(9, 1), look(9, 2));
  const lies = planFor(RUN, record, record, all).filter(({ answer }) => "result" in answer);
  assertEquals(lies.map(({ place, turn }) => [place.split(":").at(-1), turn]), [["1", 1], [
    "9",
    1,
  ]]);
});
