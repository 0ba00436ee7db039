import { assertEquals } from "@std/assert";
import {
  hiddenSockets,
  parseSpecialMappings,
  type Sightings,
} from "../../../../lib/inspect/sockets/hidden_sockets.ts";
import type { SeenDaemon, SeenRing } from "../../../../lib/inspect/subject.ts";

const MAPS = `55d0c0000000-55d0c0001000 r--p 00000000 fe:00 4711       /usr/bin/socket:[9]
7f0000000000-7f0000001000 rw-s 00000000 00:09 1234                       socket:[1234]
7f0000001000-7f0000002000 rw-p 00000000 00:09 1235       socket:[1235]
7f0000002000-7f0000003000 rw-s 00000000 00:0e 1037       anon_inode:[io_uring]
7f0000003000-7f0000004000 rw-s 10000000 00:0e 1037       anon_inode:[io_uring]
7f0000004000-7f0000005000 rw-s 10000000 00:0e 1037       anon_inode:[io_uring]
7f0000005000-7f0000006000 rw-s 00000000 00:01 7          /memfd:socket:[8] (deleted)
7f0000006000-7f0000007000 rw-p 00000000 00:00 0          [anon:socket:[6]]
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]
`;

Deno.test("parseSpecialMappings() finds sockets and rings, and no file that is named like one", () => {
  assertEquals(parseSpecialMappings(MAPS), {
    sockets: new Set(["socket:[1234]", "socket:[1235]"]),
    rings: 2,
    unseen: undefined,
  });
  assertEquals(parseSpecialMappings(""), { sockets: new Set(), rings: 0, unseen: undefined });
});

const NOTHING: Sightings = {
  isShown: () => false,
  stillHidden: (links) => links,
  packetSockets: new Map([["socket:[1]", "net:[4]"]]),
  withoutHolder: [],
  queues: [],
  maps: parseSpecialMappings(""),
};

const ring = (...files: string[]): SeenRing => ({
  fd: 7,
  files,
  personalities: [],
  pollingThread: undefined,
});

const daemon = (rings: readonly SeenRing[] = [], ...links: string[]) =>
  ({
    rings,
    descriptors: links.map((refers_to, fd) => ({
      fd,
      refers_to,
      access: null,
      note: "",
      tids: [],
    })),
  }) as unknown as SeenDaemon;

Deno.test("A packet socket of another process is no hidden one", () => {
  assertEquals(hiddenSockets(daemon(), NOTHING), {
    certain: [],
    possible: [],
    ofOthers: ["socket:[1]"],
  });
});

Deno.test("A mapping is certain for a packet socket, possible for another, and not hidden if shown", () => {
  const mapped = (link: string) => ({
    ...NOTHING,
    maps: { ...NOTHING.maps, sockets: new Set([link]) },
  });
  const words = "mapped as a ring, without a descriptor";
  assertEquals(hiddenSockets(daemon(), mapped("socket:[1]")).certain, [
    `packet socket socket:[1] is ${words}`,
  ]);
  assertEquals(hiddenSockets(daemon(), mapped("socket:[2]")).possible, [
    `socket:[2], ${words}, may be a packet socket`,
  ]);
  const shown = { ...mapped("socket:[1]"), isShown: (link: string) => link === "socket:[1]" };
  assertEquals(hiddenSockets(daemon(), shown), { certain: [], possible: [], ofOthers: [] });
  const gone = { ...mapped("socket:[1]"), stillHidden: () => new Set<string>() };
  const { certain, possible } = hiddenSockets(daemon(), gone);
  assertEquals([certain.length, possible.length], [0, 1]);
});

Deno.test("Files of a ring: only sockets count, each once", () => {
  const rings = [ring("socket:[1]", "socket:[1]", "/dev/null", "socket:[5]")];
  const { certain, possible } = hiddenSockets(daemon(rings), NOTHING);
  assertEquals(certain.length, 1);
  assertEquals(possible.length, 2); // the other socket, and requests that wait
});

Deno.test("Queues, vhost-net, unreadable mappings, and mapped rings are possible places", () => {
  const { possible } = hiddenSockets(daemon([], "/dev/vhost-net", "/dev/vhost-vsock"), {
    ...NOTHING,
    packetSockets: new Map(),
    queues: [{ link: "socket:[3]", fd: 9, count: 2 }],
    maps: { sockets: new Set(), rings: 1, unseen: "no permission" },
  });
  assertEquals(possible, [
    "a ring may be mapped: no permission",
    "an io_uring is mapped without a descriptor, and packet sockets may be registered in it",
    "2 in flight in the queue of descriptor 9 (socket:[3]) may be packet sockets",
    "descriptor 0 (/dev/vhost-net) may send and receive by a packet socket",
  ]);
});

Deno.test("A packet socket without a holder is named once, with its namespace", () => {
  const sightings = { ...NOTHING, withoutHolder: ["socket:[1]"] };
  assertEquals(hiddenSockets(daemon(), sightings).possible, [
    "packet socket socket:[1] in net:[4] is shown by no process, so this one may hold it",
  ]);
  const { certain, possible } = hiddenSockets(daemon([ring("socket:[1]")]), sightings);
  assertEquals([certain.length, possible], [1, []]);
});

Deno.test("The list of places is cut", () => {
  const queues = Array.from({ length: 100 }, (_, fd) => ({ link: "socket:[3]", fd, count: 1 }));
  const { possible } = hiddenSockets(daemon(), { ...NOTHING, queues });
  assertEquals([possible.length, possible.at(-1)], [65, "36 more like these"]);
});
