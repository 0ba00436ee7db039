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
import { PATHS, pathTest, toldBy } from "./paths.ts";

for (const path of PATHS) {
  pathTest(
    path,
    "leaves no descriptor and no mapping when it is closed, and later frames alone",
    async () => {
      assertEquals(await toldBy("left_behind.ts", [path]), {
        taken: 50,
        isLeft: true,
        sameOpen: true,
        mapped: [],
      });
    },
  );

  pathTest(path, "leaves nothing behind where no descriptor can be opened", async () => {
    assertEquals(await toldBy("descriptor_limit.ts", [path]), {
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
    "throws SystemError for what is no socket, and leaves nothing behind",
    async () => {
      await leavingNothingOpen((scope) => {
        const fd = scope.own(open("/dev/null", O_RDONLY | O_CLOEXEC));
        assertEquals(endOf(path, fd), "ENOTSOCK");
        assertEquals(sharedWithKernel(), []);
      })();
    },
  );
}

/** The errno that beginning to receive fails with, or the first step, or the wait for it. */
function endOf(path: ReceivePath, fd: number): string {
  const error = assertThrows(() => {
    using source = openFrameSource(path, fd);
    source.next();
  }, SystemError);
  return error.code;
}

pathTest("tpacket-v3", "throws EOPNOTSUPP for a socket that is no packet socket", async () => {
  await leavingNothingOpen((scope) => {
    const fd = scope.own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    assertEquals(endOf("tpacket-v3", fd), "EOPNOTSUPP");
    assertEquals(sharedWithKernel(), []);
  })();
});

/** What each way fails at, with so many pages that may be locked: one for each queue, and one for the ring of buffers. */
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
    "leaves no descriptor where memory ends half-way through its set-up",
    async () => {
      for (const [pages, end] of ends.entries()) {
        // The kernel takes its time to give locked pages up: so each time a user of its own.
        const uid = String(1_000_000 + Math.floor(Math.random() * 1e9));
        assertEquals(await toldBy("memory_limit.ts", [path, String(pages), uid]), {
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
    "holds the memory that it receives into where a filter does not let it be cancelled",
    async () => {
      const flags = ["--v8-flags=--expose-gc"];
      assertEquals(await toldBy("held.ts", [path], flags), { isHeld: false });
      assertEquals(await toldBy("held.ts", [path, "refused"], flags), { isHeld: true });
    },
  );
}
