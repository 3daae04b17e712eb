// What the browser code says: a line of JSON in is `[what, arguments]`, a line out is the answer.
import { createInterface } from "node:readline";
import { offered, whyNot } from "we-bot-actions";
import { botNote } from "we-bot-note";
import { COLUMNS } from "we-fleet-columns";
import * as format from "we-format";
import { unpacked } from "we-fleet-feed";

const SAYERS = {
  ...format,
  offered,
  whyNot,
  note: (bot, about) => botNote({ ...bot, beats: unpacked(bot.beats) }, about),
  cell: (key, bot, now) => COLUMNS[key].cell(bot, now, true),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, given] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(SAYERS[what](...given) ?? null)}\n`);
}
