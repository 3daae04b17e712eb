// Texts in the page's language, as the browser's code asks for them.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import "./setup.js";
import { nt, t } from "we-language";

const page = document.documentElement;

afterEach(() => {
  delete globalThis.weCatalogue;
  delete page.lang;
});

test("English is what stands in the code", () => {
  assert.equal(t("Change {name}", { name: "{x}" }), "Change {x}");
  assert.equal(t("constructor"), "constructor");
  assert.deepEqual(
    [0, 1, 2].map((count) => nt("{count} bot", "{count} bots", count)),
    ["0 bots", "1 bot", "2 bots"],
  );
});

test("another language comes from its catalogue; what it lacks is English", () => {
  globalThis.weCatalogue = { Remove: "Entfernen", "{count} bot": ["Ein Bot", "{count} Bots"] };
  page.lang = "de";
  assert.deepEqual([t("Remove"), t("Restart")], ["Entfernen", "Restart"]);
  assert.deepEqual(
    [0, 1, 2].map((count) => nt("{count} bot", "{count} bots", count)),
    ["0 Bots", "Ein Bot", "2 Bots"],
  );
});
