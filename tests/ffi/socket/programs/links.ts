/**
 * Prints the result of `linkByIndex` for each given interface.
 *
 * @module
 */

import { if_nametoindex, linkByIndex } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

printJson(Deno.args.map((name) => {
  const { address, ...link } = linkByIndex(if_nametoindex(name));
  return { ...link, address: address.length };
}));
