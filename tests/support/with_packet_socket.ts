/**
 * Runs a command that inherits a packet socket, bound to nothing and not close-on-exec, as a careless program would leave it open.
 *
 *     with_packet_socket.ts COMMAND [ARG…]
 *
 * @module
 */

import { AF_PACKET, SOCK_RAW, socket } from "../../ffi/mod.ts";

socket(AF_PACKET, SOCK_RAW, 0);
const [command, ...args] = Deno.args;
const [stdin, stdout, stderr] = ["inherit", "inherit", "inherit"] as const;
const { code } = await new Deno.Command(command, { args, stdin, stdout, stderr }).output();
Deno.exit(code);
