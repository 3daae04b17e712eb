// The fleet in the browser: what comes, what of it is shown, in which order, and what is selected.
import assert from "node:assert/strict";
import test from "node:test";
import { COLUMNS, comparing, fitting, widthOf } from "we-fleet-columns";
import { fleetFeed, unpacked } from "we-fleet-feed";
import { fleetKeys } from "we-fleet-keys";
import { fleetSelection } from "we-fleet-selection";
import { chosenColumns, grouped, keepColumns, matches, readAddress, writeAddress } from "we-fleet-view";
import { windowed } from "we-window";
import { assembled } from "./assembled.js";
import { NOW, bot, container } from "./bots.js";

const packed = [NOW * 10, [0, 50], "ox", [3, null]];
const whole = (seq, ...bots) => ({
  seq,
  now: NOW,
  all: { system: { status: "healthy" }, services: [], bots: bots.map((one) => ({ ...one, beats: packed })) },
});
const feed = (...bots) => {
  const made = assembled(fleetFeed, { interval: 5 });
  made.receive(whole(7, ...bots));
  return made;
};

test("a bar comes packed", () => {
  assert.deepEqual(unpacked(packed), [
    [NOW, "online", 3],
    [NOW + 5, "offline", null],
  ]);
});

test("changes that follow are applied, and a gap asks for everything", () => {
  const fleet = feed(bot(), bot({ name: "marcus" }));
  fleet.receive({
    seq: 8,
    now: NOW,
    changes: { bots: [{ name: "elena", status: "offline", new_beats: [[NOW + 9, "offline", null]] }] },
  });
  assert.equal(fleet.bots.elena.status, "offline");
  assert.equal(fleet.bots.elena.beats.length, 3);
  fleet.receive({ seq: 8, now: NOW, changes: { bots: [{ name: "elena", status: "online" }] } });
  assert.equal(fleet.bots.elena.status, "offline", "a number that was there already changes nothing");
  assert.deepEqual(fleet.emitted, []);
  fleet.receive({ seq: 10, now: NOW, changes: { order: [] } });
  assert.deepEqual(fleet.emitted, [["resync"]]);
  assert.deepEqual(fleet.order, ["elena", "marcus"]);
});

test("before everything has come, changes wait for nothing", () => {
  const fleet = assembled(fleetFeed, { interval: 5 });
  fleet.receive({ seq: 3, now: NOW, changes: { order: [] } });
  assert.deepEqual([fleet.seq, fleet.emitted], [null, []]);
});

test("what was not checked for long is unknown, and so is all without a connection", () => {
  const fleet = feed(bot({ checked_at: NOW - 2 }), bot({ name: "old", checked_at: NOW - 60 }));
  fleet.now = NOW;
  assert.deepEqual(Object.values(fleet.bots).map(fleet.statusOf), ["online", "unknown"]);
  fleet.disconnected();
  assert.deepEqual(Object.values(fleet.bots).map(fleet.statusOf), ["unknown", "unknown"]);
  fleet.connected();
  assert.equal(fleet.statusOf(bot({ status: "restarting", checked_at: NOW - 600 })), "restarting");
});

test("figures are coloured when they are out of line", () => {
  const figures = [0.98, 0.992, 1, 120, 900, 2000, 3.21, 0.2];
  const cell = (key, of = {}) => COLUMNS[key].cell(bot({ figures, ...of }), NOW, true);
  assert.deepEqual([cell("uptime_24h").tone, cell("uptime_7d").tone, cell("uptime_30d").tone], ["bad", "warn", ""]);
  assert.deepEqual([cell("errors").text, cell("errors").tone], ["20.0%", "bad"]);
  assert.equal(cell("rate").text, "3.2");
  assert.equal(cell("p95", { figures: null }).text, "–");
  const usage = [NOW - 600, 12.34, 50 * 1048576, 100 * 1048576, 0, 0];
  assert.deepEqual([cell("cpu", { usage }).text, cell("cpu", { usage }).tone], ["12%", "muted"]);
  assert.match(cell("memory", { usage }).title, /50 MiB of 100 MiB/);
});

test("a container says its state, its age, and how it ended", () => {
  const text = (changes) => COLUMNS.container.cell(bot({ container: changes && container(changes) }), NOW, true).text;
  assert.equal(text(null), "no container");
  assert.equal(text({}), "running · 1 h");
  assert.equal(text({ state: "exited", exit_code: 137, oom_killed: true }), "exited · out of memory");
  assert.equal(text({ state: "exited", exit_code: 1 }), "exited · exit code 1");
});

test("what is not known is last in either order", () => {
  const bots = [
    bot({ name: "a", title: "A" }),
    bot({ name: "b", title: "B", latency_ms: null }),
    bot({ name: "c", title: "C", latency_ms: 5 }),
  ];
  const order = (isDescending) => [...bots].sort(comparing("health", isDescending)).map(({ name }) => name);
  assert.deepEqual(order(false), ["c", "a", "b"]);
  assert.deepEqual(order(true), ["a", "c", "b"]);
});

test("the columns fit, and what must be there is", () => {
  for (const px of [300, 900, 1400, 4000]) {
    const keys = fitting(px);
    assert.deepEqual(keys.slice(0, 3), ["name", "status", "beats"]);
    if (keys.length > 3) assert.ok(widthOf(keys) <= px);
  }
  assert.equal(fitting(4000).length, Object.keys(COLUMNS).length);
});

test("groups stand in the order of what needs somebody first", () => {
  const bots = [bot({ name: "a" }), bot({ name: "b", status: "offline" }), bot({ name: "c" })];
  const items = grouped(bots, "status", { statusOf: (one) => one.status });
  assert.deepEqual(
    items.map(({ title, key }) => title ?? key),
    ["Offline", "b", "Online", "a", "c"],
  );
  const causes = grouped([bot({ cause: "redis" }), bot({ name: "x" })], "cause", {
    titles: { redis: "Redis" },
    faults: {},
  });
  assert.deepEqual(
    causes.filter(({ title }) => title).map(({ title }) => title),
    ["Redis is down", "No common cause"],
  );
});

test("a search looks at all that is written of a bot", () => {
  assert.ok(matches(bot({ container: container() }), "elena:2"));
  assert.ok(!matches(bot(), "marcus"));
});

test("the choice is in the address, and an address of nonsense is the default", () => {
  const choice = { status: "offline", text: " re ", sortKey: "p95", isDescending: true, group: "cause" };
  writeAddress(choice);
  assert.equal(location.search, "?status=offline&q=re&sort=-p95&group=cause");
  assert.deepEqual(readAddress(), { ...choice, text: "re" });
  location.search = "?sort=-nonsense&group=toString";
  assert.deepEqual([readAddress().sortKey, readAddress().isDescending], ["status", false]);
  writeAddress({ status: "all", text: "", sortKey: "status", isDescending: false, group: "none" });
  assert.equal(location.search, "");
});

test("chosen columns are remembered, and what is no column is forgotten", () => {
  assert.equal(chosenColumns(), null);
  keepColumns(["p95", "nonsense"]);
  assert.deepEqual(chosenColumns(), ["p95"]);
  localStorage.setItem("we-fleet-columns", "{");
  assert.equal(chosenColumns(), null);
  keepColumns(null);
});

const selection = (names, order = names) => assembled(fleetSelection, { names, order, seq: 1 });

test("one, a range, a group and all are selected, and what is gone is not", () => {
  const page = selection(["a", "b", "c", "d"]);
  page.select("b");
  page.select("d", { shiftKey: true });
  assert.deepEqual(page.marked, ["b", "c", "d"]);
  page.selectGroup(["c", "d"]);
  assert.deepEqual(page.marked, ["b"]);
  page.selectAll();
  assert.ok(page.isAllMarked);
  page.selectAll();
  assert.deepEqual(page.marked, []);
  page.selectAll();
  page.order = ["a"];
  fleetSelection.watch.seq.call(page);
  assert.deepEqual([...page.selected], ["a"]);
});

test("keys act on the row that has the focus, and never while somebody types", () => {
  const done = [];
  const page = assembled(fleetKeys, {
    ...{ seq: 1, names: ["a", "b"], marked: [], mayTry: true, isSelectable: true, items: [{ key: "a" }, { key: "b" }] },
    ...{ act: (...what) => done.push(what), choose: (...what) => done.push(what), bring: async () => {} },
  });
  const press = (key, matched, more = {}) => {
    const row = { dataset: { bot: "b" } };
    page.key({ key, preventDefault() {}, target: { closest: (of) => (of.includes(matched) ? row : null) }, ...more });
  };
  press("r", "tr[data-bot]");
  press("t", "tr[data-bot]");
  press("r", "textarea");
  press("r", "tr[data-bot]", { ctrlKey: true });
  assert.deepEqual(done, [
    ["restart", ["b"]],
    ["try", "b"],
  ]);
});

test("of a long list what is in sight is in the document", () => {
  globalThis.innerHeight = 800;
  const items = Array.from({ length: 500 }, (_, index) => index);
  const list = assembled(windowed, { items, heightOf: () => 50 });
  list.$refs.body = { getBoundingClientRect: () => ({ top: -10_000 }) };
  list.look();
  assert.ok(list.first <= 200 && list.first > 180 && list.last >= 216 && list.last < 240);
  assert.equal(list.spaceBefore + list.shownItems.length * 50 + list.spaceAfter, 500 * 50);
  list.items = items.slice(0, 40);
  assert.equal(list.shownItems.length, 40);
  assert.deepEqual([list.spaceBefore, list.spaceAfter], [0, 0]);
});
