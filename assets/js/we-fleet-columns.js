// The columns of the fleet: what is in them, how they sort, and which are shown where there is not room for all.
import { ago, exactly, latency, rate, size, span, uptime } from "we-format";
import { botStatus } from "we-status";

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

const perMinute = (value) => (value === null ? "–" : value < 10 ? value.toFixed(1) : String(Math.round(value)));
const percent = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)}%`);

function measured(bot) {
  if (!bot.usage) return undefined;
  const [at, , bytes, limit, received, sent] = bot.usage;
  const memory = limit ? `${size(bytes)} of ${size(limit)}` : size(bytes);
  return `Memory ${memory}\nNetwork ${size(received)}/s in, ${size(sent)}/s out\nMeasured ${exactly(at)}`;
}

function container(bot, now, hasEngine) {
  const { container } = bot;
  if (!container) return { text: hasEngine ? "no container" : "–", tone: "muted" };
  const isRunning = container.state === "running";
  const age = isRunning && container.started_at ? span(now - container.started_at) : "";
  const end =
    container.exit_code === null ? "" : container.oom_killed ? "out of memory" : `code ${container.exit_code}`;
  const lines = [`${container.kind} ${container.name}`, container.image];
  if (container.health) lines.push(`engine's own check: ${container.health}`);
  if (container.started_at) lines.push(`started ${exactly(container.started_at)}`);
  if (container.restart_count) lines.push(`restarted ${container.restart_count} times by the engine`);
  return { text: [container.state, age, end].filter(Boolean).join(" · "), title: lines.filter(Boolean).join("\n") };
}

function image({ container }) {
  const full = container?.image ?? "";
  return { text: full ? full.split("/").at(-1) : "–", title: full || undefined, tone: full ? "" : "muted" };
}

const HOUR = "of the chat answers of the last hour";

/** By key, in the order of the table. `px` is the least width. */
export const COLUMNS = {
  name: { label: "Bot", px: 208, isFixed: true, sort: (bot) => bot.title.toLowerCase() },
  status: { label: "Status", px: 192, isFixed: true, sort: (bot) => -botStatus(bot.status).weight },
  beats: { label: "Health checks", px: 168, isFixed: true, title: "The last 90 health checks" },
  uptime_24h: number("24 h", 78, figure(0), uptime, { title: "Uptime of the last 24 hours", tone: low }),
  uptime_7d: number("7 d", 78, figure(1), uptime, { title: "Uptime of the last 7 days", tone: low }),
  uptime_30d: number("30 d", 78, figure(2), uptime, { title: "Uptime of the last 30 days", tone: low }),
  p50: number("p50", 74, figure(3), latency, { title: `Median ${HOUR}` }),
  p95: number("p95", 74, figure(4), latency, { title: `95th percentile ${HOUR}` }),
  p99: number("p99", 74, figure(5), latency, { title: `99th percentile ${HOUR}` }),
  rate: number("msg/min", 76, figure(6), perMinute, { title: "Messages a minute, of the last five minutes" }),
  errors: number("Errors", 70, figure(7), rate, { title: `Share of failures ${HOUR}`, tone: high }),
  cpu: number("CPU", 64, usage(1), percent, { title: "Of one core", more: measured, fade: age }),
  memory: number("Memory", 78, usage(2), size, { title: "Memory of the container", more: measured, fade: age }),
  container: {
    label: "Container",
    px: 140,
    sort: (bot) => (bot.container ? [bot.container.state, -(bot.container.started_at ?? 0)].join() : null),
    cell: container,
  },
  restarts: number(
    "Restarts",
    76,
    (bot) => bot.container?.restart_count ?? null,
    (count) => count ?? "–",
    {
      title: "By the container engine",
    },
  ),
  image: { label: "Image", px: 150, sort: (bot) => bot.container?.image ?? null, cell: image },
  health: number("Check", 74, (bot) => bot.latency_ms, latency, { title: "Answer time of the last health check" }),
  seen: {
    label: "Last seen",
    px: 88,
    isNumber: true,
    sort: (bot) => (bot.seen_at ? -bot.seen_at : null),
    cell: (bot, now) => ({
      text: bot.seen_at ? ago(bot.seen_at, now) : "never",
      title: bot.seen_at ? exactly(bot.seen_at) : "No health check has succeeded yet",
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
