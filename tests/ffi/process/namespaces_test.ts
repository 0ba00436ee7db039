import { assertEquals, assertNotEquals } from "@std/assert";
import {
  AF_UNIX,
  CLONE_NEWNET,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  close,
  Errno,
  errnoOf,
  O_CLOEXEC,
  O_RDONLY,
  open,
  OwnedFd,
  parentNamespace,
  readLink,
  setns,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  socketNamespace,
  unshare,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { OtherNamespace } from "../programs/other_namespace.ts";

function namespaceOf(process: number | "self", kind = "pid"): OwnedFd {
  return new OwnedFd(open(`/proc/${process}/ns/${kind}`, O_RDONLY | O_CLOEXEC));
}

testNeeding(
  { root: true },
  "unshare() puts the next process into a new PID namespace, and setns() moves the thread back to that namespace's parent",
  async () => {
    using own = namespaceOf("self");
    unshare(CLONE_NEWPID);
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command("sleep", { args: ["600"] }).spawn();
    } finally {
      setns(own.fd, CLONE_NEWPID);
    }
    try {
      using its = namespaceOf(child.pid);
      using parent = new OwnedFd(parentNamespace(its.fd));
      const name = readLink("/proc/self/ns/pid");
      assertEquals(readLink(`/proc/self/fd/${parent.fd}`), name);
      assertEquals(readLink("/proc/thread-self/ns/pid_for_children"), name);
      assertNotEquals(readLink(`/proc/${child.pid}/ns/pid`), name);
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
);

Deno.test("unshare() and setns() throw SystemError if the kernel refuses", () => {
  using own = namespaceOf("self");
  assertEquals(errnoOf(() => unshare(CLONE_NEWUSER)), Errno.EINVAL); // this process has threads
  assertEquals(errnoOf(() => setns(own.fd, CLONE_NEWUSER)), Errno.EINVAL);
  assertEquals(errnoOf(() => setns(-1, CLONE_NEWPID)), Errno.EBADF);
});

Deno.test("parentNamespace() throws EPERM for a parent outside, and EINVAL for a kind without parents", () => {
  using own = namespaceOf("self");
  using network = namespaceOf("self", "net");
  assertEquals(errnoOf(() => close(parentNamespace(own.fd))), Errno.EPERM);
  assertEquals(errnoOf(() => close(parentNamespace(network.fd))), Errno.EINVAL);
});

testNeeding(
  { root: true },
  "socketNamespace() opens the namespace in which a socket was created, wherever its holder is",
  () => {
    const localSocket = () => socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const namespaceOfSocket = (fd: number) => {
      using namespace = new OwnedFd(socketNamespace(fd));
      return readLink(`/proc/self/fd/${namespace.fd}`);
    };
    using other = new OtherNamespace();
    using own = namespaceOf("self", "net");
    using theirs = namespaceOf(other.pid, "net");
    using here = new OwnedFd(localSocket());
    setns(theirs.fd, CLONE_NEWNET);
    let fd;
    try {
      fd = localSocket();
    } finally {
      setns(own.fd, CLONE_NEWNET);
    }
    using there = new OwnedFd(fd);
    assertEquals(namespaceOfSocket(here.fd), readLink("/proc/self/ns/net"));
    assertEquals(namespaceOfSocket(there.fd), readLink(`/proc/${other.pid}/ns/net`));
    assertEquals(errnoOf(() => close(socketNamespace(own.fd))), ENOTTY);
  },
);

const ENOTTY = 25;
