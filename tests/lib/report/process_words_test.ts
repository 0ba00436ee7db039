import { assertEquals } from "@std/assert";
import type {
  InspectedProcess,
  InspectedSocket,
  InspectedThreads,
} from "../../../lib/evidence/inspected.ts";
import {
  describeAsking,
  describeBinding,
  describeBounding,
  describeConfinement,
  describeDescriptor,
  describeFilters,
  describeForeignNamespace,
  describeHolders,
  describeNamespaces,
  describeSettings,
  describeThreads,
  describeTids,
  describeWays,
  warningsOf,
} from "../../../lib/report/process_words.ts";
import { storedInspection } from "../../support/stored.ts";

const [tcpdump, worker] = storedInspection().experiments.map((each) => each.process!);
const [plain] = tcpdump.threads;
const [socket] = tcpdump.packet_sockets;

const changed = (more: Partial<InspectedProcess>) => ({ ...tcpdump, ...more });
const threads = (more: Partial<InspectedThreads>) => describeThreads({ ...plain, ...more });
const settings = (more: Partial<InspectedSocket>) => describeSettings({ ...socket, ...more });

Deno.test("warningsOf() begins with the way back to root, and then has the differences", () => {
  assertEquals(warningsOf(tcpdump), ["NoNewPrivs is 0: a set-uid file is a way back to root"]);
  assertEquals(warningsOf(worker), [
    "The threads differ:",
    ...worker.differences,
    ...worker.hidden,
  ]);
  const two = [plain, { ...plain, tids: [1, 2, 3], no_new_privs: 1 }];
  assertEquals(warningsOf(changed({ threads: two, differences: ["They do"], hidden: ["one"] })), [
    "NoNewPrivs is 0 on 1 of 4 threads: a set-uid file is a way back to root",
    ...["The threads differ:", "They do", "one"],
  ]);
  assertEquals(warningsOf(changed({ threads: [{ ...plain, no_new_privs: 1 }] })), []);
});

Deno.test("describeThreads() names ids that differ, capabilities and filters", () => {
  const base = "uid 65534, gid 65534, groups 65534, no capability, NoNewPrivs 0";
  assertEquals(threads({}), `${base}, no system call filter`);
  assertEquals(threads({ seccomp: 1 }), `${base}, strict mode of seccomp`);
  assertEquals(threads({ seccomp: 2, filters: null }), `${base}, system call filters`);
  assertEquals(threads({ seccomp: 2, filters: 2 }), `${base}, 2 system call filters`);
  assertEquals(
    threads({ uids: [1, 1, 0, 1], groups: [] }).split(", no capability")[0],
    "uid 1 (effective 1, saved 0, filesystem 1), gid 65534, no supplementary group",
  );
  const raw = "0000000000002000";
  const capabilities = { ...plain.capabilities, CapPrm: raw, CapEff: raw, CapInh: "3" };
  assertEquals(
    threads({ capabilities }).split("groups 65534, ")[1],
    "CapInh 3 (CAP_CHOWN CAP_DAC_OVERRIDE), CapPrm and CapEff 0000000000002000 (CAP_NET_RAW), " +
      "NoNewPrivs 0, no system call filter",
  );
});

Deno.test("describeBounding() counts the capabilities of the bounding set", () => {
  const bounding = (CapBnd: string) =>
    describeBounding({ ...plain, capabilities: { ...plain.capabilities, CapBnd } });
  assertEquals(bounding("0"), "an empty bounding set");
  assertEquals(bounding("1"), "1 capability in the bounding set");
  assertEquals(bounding("3"), "2 capabilities in the bounding set");
});

Deno.test("describeTids() names a few threads, and counts the others", () => {
  assertEquals(describeTids([7]), "thread 7");
  const many = Array.from({ length: 1000 }, (_, i) => i + 1);
  assertEquals(describeTids(many), "threads 1, 2, 3, 4, 5, 6, 7, 8, and 992 more");
});

Deno.test("describeNamespaces() names those in which the caller is not", () => {
  assertEquals(describeNamespaces(tcpdump), "as here");
  const net = { kind: "net", link: "net:[7]", same: false };
  const others = tcpdump.namespaces.filter(({ kind }) => kind !== "net");
  assertEquals(
    describeNamespaces(changed({ namespaces: [...others, net] })),
    "as here, but net:[7]",
  );
  assertEquals(
    describeNamespaces(changed({ namespaces: [net] })),
    "all others than here: net:[7]",
  );
  assertEquals(describeNamespaces(changed({ namespaces: [] })), "cannot be read");
});

Deno.test("describeConfinement() tells what is not known from no", () => {
  const values = (process: InspectedProcess) =>
    describeConfinement(process).map(([, value]) => value);
  assertEquals(values(tcpdump), ["/", "no", "0"]);
  assertEquals(values(changed({ root: null, dumpable: null, wx_mappings: null })), [
    "cannot be read",
    "cannot be told: the owner of its files in /proc does not show it",
    "cannot be read",
  ]);
  assertEquals(values(changed({ root: "/var/empty", dumpable: true, wx_mappings: 3 })), [
    ...["/var/empty", "yes", "3"],
  ]);
});

Deno.test("describeAsking() says how long the process stood still", () => {
  assertEquals(describeAsking(tcpdump).startsWith("no; nothing of it was stopped"), true);
  assertEquals(describeAsking(worker), "yes; it stood still for 37.8 ms");
});

Deno.test("describeDescriptor() names a table that is a thread's own", () => {
  const [first] = tcpdump.descriptors;
  assertEquals(describeDescriptor(first, tcpdump), "read");
  assertEquals(
    describeDescriptor({ ...first, access: null, note: "a note", tids: [8] }, tcpdump),
    "access unknown, a note, of thread 8 alone",
  );
  assertEquals(
    describeDescriptor({ ...first, refers_to: socket.link }, tcpdump),
    "read, packet socket",
  );
});

Deno.test("describeBinding() tells a socket without an interface from one that hears nothing", () => {
  const binding = (more: Partial<InspectedSocket>) => describeBinding({ ...socket, ...more });
  assertEquals(binding({}), "bound to eth0 (ifindex 3), all protocols (0x0003), SOCK_RAW");
  const loose = { interface: null, ifindex: 0 };
  assertEquals(
    binding({ ...loose, protocol: 0x88cc }),
    "bound to no interface: it receives from all, LLDP (0x88cc), SOCK_RAW",
  );
  assertEquals(
    binding({ ...loose, protocol: 0, type: "SOCK_DGRAM" }),
    "bound to no interface, no protocol (it receives nothing), SOCK_DGRAM",
  );
  assertEquals(
    binding({ interface: null, ifindex: -1 }),
    "bound to an interface that is gone, all protocols (0x0003), SOCK_RAW",
  );
  assertEquals(
    binding({ interface: null, protocol: 0x1234 }),
    "bound to interface 3, whose name cannot be read, protocol 0x1234, SOCK_RAW",
  );
});

Deno.test("describeSettings() tells what is not there from what cannot be read", () => {
  assertEquals(settings({}), [
    ...["a filter of 6 instructions", "not locked", "no fanout group", "rx ring"],
    "promiscuous on eth0",
  ]);
  const fanout = { group: 7, mode: "hash" };
  assertEquals(settings({ filter: [], locked: true, fanout, rings: [], memberships: [] }), [
    ...["no filter", "locked", "fanout group 7 (hash)", "no ring"],
  ]);
  assertEquals(
    settings({ filter: null, rings: null, memberships: null, mark: 9, vnet_hdr: true }),
    [
      ...["an extended BPF filter, which cannot be read", "not locked", "no fanout group"],
      ...["rings cannot be read", "memberships cannot be read", "mark 9"],
      "a virtio_net header before each frame",
    ],
  );
});

Deno.test("describeForeignNamespace() is undefined for a socket of the process's own namespace", () => {
  assertEquals(describeForeignNamespace(socket, tcpdump), undefined);
  assertEquals(
    describeForeignNamespace({ ...socket, namespace: "net:[1]" }, tcpdump),
    "in another network namespace: net:[1]",
  );
  assertEquals(
    describeForeignNamespace({ ...socket, namespace: null }, tcpdump),
    "its network namespace cannot be read",
  );
});

Deno.test("describeHolders() names the other processes", () => {
  assertEquals(describeHolders(socket), "held by no other process");
  const holders = [{ pid: 8, name: "relay", fd: 9 }, { pid: 9, name: "helper", fd: 5 }];
  assertEquals(
    describeHolders({ ...socket, holders }),
    "also held by 8 (relay) as fd 9, 9 (helper) as fd 5",
  );
});

Deno.test("describeFilters() counts programs and instructions", () => {
  const program = ["ld", "ret"];
  assertEquals(describeFilters({ tids: [1], programs: [] }), "thread 1: none");
  assertEquals(
    describeFilters({ tids: [1, 2], programs: [program, ["ret"]] }),
    "threads 1, 2: 2 programs of 2 instructions, 1 instruction",
  );
});

Deno.test("describeWays() names the operations that lead to a hole, or receiving", () => {
  const hole = worker.known_holes[0];
  assertEquals(describeWays({ ...hole, operations: [] }), "receiving");
  assertEquals(describeWays({ ...hole, operations: ["send", "write"] }), "send, write");
});
