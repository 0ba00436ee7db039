/** docs/known-holes.md is what the table of known holes says. */

import { assertEquals } from "@std/assert";
import { knownHolesPage } from "../../scripts/known_holes_page.ts";

/** A page without the spaces, line ends and rules that `deno fmt` chooses. */
const unformatted = (text: string) =>
  text.replace(/-{3,}/g, "---").split(/\s+/).filter((word) => word !== "").join(" ");

Deno.test("docs/known-holes.md is the page that scripts/known_holes_page.ts prints", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/known-holes.md", import.meta.url));
  assertEquals(
    unformatted(page),
    unformatted(knownHolesPage()),
    "deno run scripts/known_holes_page.ts >docs/known-holes.md && deno fmt docs/known-holes.md",
  );
});
