// Text that is searched and coloured.
import assert from "node:assert/strict";
import test from "node:test";
import { coloured } from "we-ansi";
import { fit } from "we-fit";

test("a command fits the better the earlier it has what was typed", () => {
  const commands = ["Restart elena", "Elena", "Logs of elena", "Settings"];
  const found = commands.filter((one) => fit(one, "elena") !== null).sort((a, b) => fit(b, "elena") - fit(a, "elena"));
  assert.deepEqual(found, ["Elena", "Restart elena", "Logs of elena"]);
  assert.equal(fit("Settings", "sgs") !== null, true);
  assert.equal(fit("Settings", "sx"), null);
  assert.equal(fit("Settings", ""), 0);
});

test("colours of a terminal become classes, and text stays text", () => {
  assert.deepEqual(coloured("<b>plain</b>"), [["<b>plain</b>", ""]]);
  assert.deepEqual(coloured("\x1b[31mred\x1b[1m bold\x1b[0m none"), [
    ["red", "we-ansi-1"],
    [" bold", "we-ansi-1 we-log-bold"],
    [" none", ""],
  ]);
  assert.deepEqual(coloured("\x1b[38;5;200mtrue colour"), [["true colour", ""]]);
});
