/**
 * Runs a command that inherits an unbound packet socket without close-on-exec, as a careless
 * program would leave it open.
 *
 *     with_packet_socket.ts COMMAND [ARG…]
 *
 * @module
 */

import { passThrough } from "./pass_through.ts";
import { AF_PACKET, SOCK_RAW, socket } from "../../ffi/mod.ts";

socket(AF_PACKET, SOCK_RAW, 0);
const [command, ...args] = Deno.args;
const code = await passThrough(command, args);
Deno.exit(code);
