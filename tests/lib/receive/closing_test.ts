import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  O_CLOEXEC,
  O_RDONLY,
  open,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";
import { openFrameSource, type ReceivePath, usesIoUring } from "../../../lib/receive/mod.ts";
import { leavingNothingOpen } from "../../ffi/descriptors.ts";
import { sharedWithKernel } from "../../ffi/mappings.ts";
import { PATHS, pathTest, resultInNamespace } from "./paths.ts";

for (const path of PATHS) {
  pathTest(
    path,
    "leaves no descriptor, no mapping and no operation that takes later frames after its close",
    async () => {
      assertEquals(await resultInNamespace("left_behind.ts", [path]), {
        taken: 50,
        isLeft: true,
        sameOpen: true,
        mapped: [],
      });
    },
  );

  pathTest(path, "leaves nothing behind if no descriptor can be opened", async () => {
    assertEquals(await resultInNamespace("descriptor_limit.ts", [path]), {
      end: path.startsWith("io-uring") ? "EMFILE" : "0",
      full: "EMFILE",
      sameOpen: true,
      mapped: [],
    });
  });

  pathTest(path, "throws EBADF for a closed descriptor, and leaves nothing behind", async () => {
    await leavingNothingOpen(() => {
      assertEquals(endOf(path, 9999), "EBADF");
      assertEquals(sharedWithKernel(), []);
    })();
  });

  pathTest(
    path,
    "throws SystemError for a descriptor that is not a socket, and leaves nothing behind",
    async () => {
      await leavingNothingOpen((scope) => {
        const fd = scope.own(open("/dev/null", O_RDONLY | O_CLOEXEC));
        assertEquals(endOf(path, fd), "ENOTSOCK");
        assertEquals(sharedWithKernel(), []);
      })();
    },
  );
}

/** Returns the errno with which opening the source, or its first step, fails. */
function endOf(path: ReceivePath, fd: number): string {
  const error = assertThrows(() => {
    using source = openFrameSource(path, fd);
    source.next();
  }, SystemError);
  return error.code;
}

pathTest("tpacket-v3", "throws EOPNOTSUPP for a socket of another family", async () => {
  await leavingNothingOpen((scope) => {
    const fd = scope.own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    assertEquals(endOf("tpacket-v3", fd), "EOPNOTSUPP");
    assertEquals(sharedWithKernel(), []);
  })();
});

/**
 * The call that fails, by the number of pages that may be locked. Each queue needs one, and so does
 * the ring of buffers.
 */
const ENDS = {
  "io-uring": ["io_uring_setup ENOMEM", "io_uring_setup ENOMEM", "received", "received"],
  "io-uring-multishot": [
    "io_uring_setup ENOMEM",
    "io_uring_setup ENOMEM",
    "io_uring_register ENOMEM",
    "received",
  ],
} as const;

for (const [path, ends] of Object.entries(ENDS)) {
  pathTest(
    path as ReceivePath,
    "leaves no descriptor if memory runs out during its set-up",
    async () => {
      for (const [pages, end] of ends.entries()) {
        // The kernel releases locked pages after a delay, so each run has a user of its own.
        const uid = String(1_000_000 + Math.floor(Math.random() * 1e9));
        assertEquals(await resultInNamespace("memory_limit.ts", [path, String(pages), uid]), {
          end,
          sameOpen: true,
        });
      }
    },
  );
}

for (const path of PATHS.filter(usesIoUring)) {
  pathTest(
    path,
    "keeps its buffers alive if a filter refuses to cancel its operations",
    async () => {
      const flags = ["--v8-flags=--expose-gc"];
      assertEquals(await resultInNamespace("held.ts", [path], flags), { isHeld: false });
      assertEquals(await resultInNamespace("held.ts", [path, "refused"], flags), { isHeld: true });
    },
  );
}
