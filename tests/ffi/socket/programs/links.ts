/**
 * Prints the result of `linkByName` for each given interface.
 *
 * @module
 */

import { linkByName } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

printJson(Deno.args.map((name) => {
  const { address, ...link } = linkByName(name);
  return { ...link, address: address.length };
}));
