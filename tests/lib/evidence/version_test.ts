import { assertEquals } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { VERSION } from "../../../lib/evidence/version.ts";

Deno.test("VERSION equals the version in deno.json", () => assertEquals(VERSION, config.version));
