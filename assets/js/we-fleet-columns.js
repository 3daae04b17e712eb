// The columns of the fleet: what is in them, how they sort, and which are shown where there is not room for all.
import { ago, exactly, fixed, latency, percent, rate, size, span, uptime } from "we-format";
import { LABELS } from "we-labels";
import { botStatus } from "we-status";
import { nt, t } from "we-language";

const figure = (index) => (bot) => bot.figures?.[index] ?? null;
const usage = (index) => (bot) => bot.usage?.[index] ?? null;
const OLD_S = 180; // a container that nobody looks at is measured once a minute or so
const age = (bot, now) => (bot.usage && now - bot.usage[0] > OLD_S ? "muted" : "");
const low = (share) => (share === null || share >= 0.995 ? "" : share >= 0.99 ? "warn" : "bad");
const high = (share) => (!share || share < 0.01 ? "" : share < 0.05 ? "warn" : "bad");

/** A column of one number: `read` gives it, `write` says it, `tone` colours what is out of line. */
function number(label, px, read, write, { title, tone, more, fade } = {}) {
  return {
    label,
    px,
    isNumber: true,
    title,
    sort: (bot) => read(bot),
    cell: (bot, now) => ({
      text: write(read(bot)),
      tone: fade?.(bot, now) || (tone?.(read(bot)) ?? ""),
      title: more?.(bot),
    }),
  };
}

const perMinute = (value) => (value === null ? "–" : fixed(value, value < 10 ? 1 : 0));
const ofCore = (value) => (value === null ? "–" : percent(value, value < 10 ? 1 : 0));

function measured(bot) {
  if (!bot.usage) return undefined;
  const [at, , bytes, limit, received, sent] = bot.usage;
  const memory = limit ? t("{used} of {limit}", { used: size(bytes), limit: size(limit) }) : size(bytes);
  return [
    t("Memory {memory}", { memory }),
    t("Network {received}/s in, {sent}/s out", { received: size(received), sent: size(sent) }),
    t("Measured {when}", { when: exactly(at) }),
  ].join("\n");
}

function container(bot, now, hasEngine) {
  const { container } = bot;
  if (!container) return { text: hasEngine ? t("no container") : "–", tone: "muted" };
  const isRunning = container.state === "running";
  const age = isRunning && container.started_at ? span(now - container.started_at) : "";
  const end =
    container.exit_code === null
      ? ""
      : container.oom_killed
        ? t("out of memory")
        : t("exit code {code}", { code: container.exit_code });
  const lines = [`${container.kind} ${container.name}`, container.image];
  if (container.health) lines.push(t("engine health check: {health}", { health: container.health }));
  if (container.started_at) lines.push(t("started {when}", { when: exactly(container.started_at) }));
  if (container.restart_count) {
    lines.push(
      nt("restarted {count} time by the engine", "restarted {count} times by the engine", container.restart_count),
    );
  }
  return {
    text: [LABELS.containers[container.state], age, end].filter(Boolean).join(" · "),
    title: lines.filter(Boolean).join("\n"),
  };
}

function image({ container }) {
  const full = container?.image ?? "";
  return { text: full ? full.split("/").at(-1) : "–", title: full || undefined, tone: full ? "" : "muted" };
}

/** By key, in the order of the table. `px` is the least width. */
export const COLUMNS = {
  name: { label: t("Bot"), px: 208, isFixed: true, sort: (bot) => bot.title.toLowerCase() },
  status: { label: t("Status"), px: 192, isFixed: true, sort: (bot) => -botStatus(bot.status).weight },
  beats: { label: t("Health checks"), px: 168, isFixed: true, title: t("Last 90 health checks") },
  uptime_24h: number(t("24 h"), 78, figure(0), uptime, { title: t("Uptime, last 24 hours"), tone: low }),
  uptime_7d: number(t("7 d"), 78, figure(1), uptime, { title: t("Uptime, last 7 days"), tone: low }),
  uptime_30d: number(t("30 d"), 78, figure(2), uptime, { title: t("Uptime, last 30 days"), tone: low }),
  p50: number("p50", 74, figure(3), latency, { title: t("Median chat response time, last hour") }),
  p95: number("p95", 74, figure(4), latency, { title: t("95th percentile of chat response time, last hour") }),
  p99: number("p99", 74, figure(5), latency, { title: t("99th percentile of chat response time, last hour") }),
  rate: number(t("msg/min"), 76, figure(6), perMinute, { title: t("Messages per minute, last 5 minutes") }),
  errors: number(t("Errors"), 70, figure(7), rate, { title: t("Failed chat answers, last hour"), tone: high }),
  cpu: number("CPU", 64, usage(1), ofCore, { title: t("Percent of one core"), more: measured, fade: age }),
  memory: number(t("Memory"), 78, usage(2), size, { title: t("Container memory"), more: measured, fade: age }),
  container: {
    label: t("Container"),
    px: 140,
    sort: (bot) => (bot.container ? [bot.container.state, -(bot.container.started_at ?? 0)].join() : null),
    cell: container,
  },
  restarts: number(
    t("Restarts"),
    76,
    (bot) => bot.container?.restart_count ?? null,
    (count) => count ?? "–",
    {
      title: t("By the container engine"),
    },
  ),
  image: { label: t("Image"), px: 150, sort: (bot) => bot.container?.image ?? null, cell: image },
  health: number(t("Check"), 74, (bot) => bot.latency_ms, latency, {
    title: t("Response time of the last health check"),
  }),
  seen: {
    label: t("Last seen"),
    px: 88,
    isNumber: true,
    sort: (bot) => (bot.seen_at ? -bot.seen_at : null),
    cell: (bot, now) => ({
      text: bot.seen_at ? ago(bot.seen_at, now) : t("never"),
      title: bot.seen_at ? exactly(bot.seen_at) : t("No health check has succeeded yet"),
    }),
  },
};
export const KEYS = Object.keys(COLUMNS);
export const OPTIONAL = KEYS.filter((key) => !COLUMNS[key].isFixed);
export const ENDS_PX = 40 + 84; // the box to select a row, and its buttons

// What is given up last comes first.
const WANTED = [
  "uptime_24h",
  "p95",
  "rate",
  "errors",
  "container",
  "memory",
  "cpu",
  "health",
  "p50",
  "uptime_7d",
  "p99",
  "uptime_30d",
  "restarts",
  "image",
  "seen",
];
/** On a card. */
export const CARD = ["uptime_24h", "p95", "rate", "errors", "memory", "container"];

export const widthOf = (keys) => keys.reduce((sum, key) => sum + COLUMNS[key].px, ENDS_PX);

/** The columns that fit, in the order of the table. */
export function fitting(px) {
  const chosen = KEYS.filter((key) => COLUMNS[key].isFixed);
  for (const key of WANTED) {
    if (widthOf([...chosen, key]) > px) break;
    chosen.push(key);
  }
  return KEYS.filter((key) => chosen.includes(key));
}

// Who gets the room that is left over, once the bar of checks has some more.
const BEATS_MORE_PX = 220;
const SHARES = { name: 0.3, status: 0.5, image: 0.2 };

/** How wide a column is in a table of `px`; the bar of checks takes what is left. */
export function columnPx(key, keys, px) {
  const spare = px - widthOf(keys) - BEATS_MORE_PX;
  return Math.floor(COLUMNS[key].px + Math.max(0, spare) * (SHARES[key] ?? 0));
}

/** Orders two bots by a column; what is not known comes last either way. */
export function comparing(key, isDescending) {
  const read = COLUMNS[key].sort;
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const [left, right] = [read(a), read(b)];
    if (left === right) return a.title.localeCompare(b.title);
    if (left === null) return 1;
    if (right === null) return -1;
    return left < right ? -sign : sign;
  };
}
