import { assertEquals, assertNotEquals } from "@std/assert";
import {
  AF_UNIX,
  CLONE_NEWNET,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  close,
  Errno,
  errnoOf,
  namespaceOwner,
  O_CLOEXEC,
  O_RDONLY,
  open,
  OwnedFd,
  owningNamespace,
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

testNeeding(
  { root: true, programs: { unshare: "util-linux", setpriv: "util-linux" } },
  "owningNamespace() leads from a network namespace to its user namespace, and namespaceOwner() names who made that",
  async () => {
    const user = ["--reuid=4711", "--regid=4711", "--clear-groups"];
    const child = new Deno.Command("setpriv", {
      args: [...user, "unshare", "--user", "--net", "sh", "-c", "echo; exec cat"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    try {
      const output = child.stdout.getReader();
      await output.read(); // it is in its namespaces
      await output.cancel();
      using network = namespaceOf(child.pid, "net");
      using owner = new OwnedFd(owningNamespace(network.fd));
      assertEquals(readLink(`/proc/self/fd/${owner.fd}`), readLink(`/proc/${child.pid}/ns/user`));
      assertEquals(namespaceOwner(owner.fd), 4711);
      using above = new OwnedFd(owningNamespace(owner.fd));
      assertEquals(readLink(`/proc/self/fd/${above.fd}`), readLink("/proc/self/ns/user"));
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await child.stdin.close();
    }
  },
);

Deno.test("namespaceOwner() throws EINVAL for a namespace of another kind", () => {
  using network = namespaceOf("self", "net");
  assertEquals(errnoOf(() => namespaceOwner(network.fd)), Errno.EINVAL);
});
