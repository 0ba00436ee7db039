/**
 * Every operation that a compromised worker may try, in the order in which they are attempted. The
 * harmless ones come before those that end the worker's use of the socket.
 *
 * @module
 */

import type { Operation } from "./operation.ts";
import { DESCRIPTOR_OPERATIONS } from "./operations/descriptors.ts";
import { KERNEL_INTERFACE_OPERATIONS } from "./operations/kernel_interfaces.ts";
import { FANOUT_JOIN, PACKET_SOCKET_OPERATIONS } from "./operations/packet_socket.ts";
import { PROCESS_OPERATIONS } from "./operations/processes.ts";
import { PROGRAM_OPERATIONS } from "./operations/programs.ts";

/** The rows of the table. */
export const OPERATIONS: readonly Operation[] = [
  ...PACKET_SOCKET_OPERATIONS,
  ...DESCRIPTOR_OPERATIONS,
  ...PROGRAM_OPERATIONS,
  ...KERNEL_INTERFACE_OPERATIONS,
  ...PROCESS_OPERATIONS,
  FANOUT_JOIN,
];
