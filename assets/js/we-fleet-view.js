// What of the fleet is shown and in which order: the choice is in the address, so that it can be sent to somebody.
import { COLUMNS, KEYS, OPTIONAL, comparing } from "we-fleet-columns";
import { botStatus } from "we-status";
import { t } from "we-language";

const COLUMNS_KEY = "we-fleet-columns";
const DEFAULTS = { status: "all", q: "", sort: "status", group: "none" };
const LAST = "\uffff";

/** By key: [label, what a bot belongs to, its title, its place among the groups]. */
export const GROUPS = {
  none: { label: t("No groups") },
  status: {
    label: t("By status"),
    of: (bot, { statusOf }) => statusOf(bot),
    title: (key) => botStatus(key).label,
    place: (key) => String(9 - botStatus(key).weight),
  },
  cause: {
    label: t("By cause"),
    of: (bot) => bot.cause ?? "",
    title: (key, { titles, faults }) =>
      key
        ? t("{cause} {fault}", { cause: titles[key] ?? key, fault: t(faults[key] ?? "is down") })
        : t("No common cause"),
  },
  image: { label: t("By image"), of: (bot) => bot.container?.image ?? "", title: (key) => key || t("Unknown image") },
  contract: {
    label: t("By contract"),
    of: (bot) => bot.contract ?? "",
    title: (key) => (key ? t("Bots of generation {contract}", { contract: key }) : t("Not known yet")),
  },
};

/** Bots in their order as the items of a list: a heading before each group. */
export function grouped(bots, group, context) {
  const how = GROUPS[group];
  if (!how?.of) return bots.map((bot) => ({ key: bot.name, bot }));
  const groups = new Map();
  for (const bot of bots) {
    const key = how.of(bot, context);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(bot);
  }
  const place = (key) => how.place?.(key) ?? (key || LAST);
  return [...groups.keys()]
    .sort((a, b) => (place(a) < place(b) ? -1 : 1))
    .flatMap((key) => [
      { key: `group:${key}`, title: how.title(key, context), names: groups.get(key).map((bot) => bot.name) },
      ...groups.get(key).map((bot) => ({ key: bot.name, bot })),
    ]);
}

export function matches(bot, text) {
  return [bot.name, bot.title, bot.description, bot.error, bot.container?.image].some((value) =>
    value?.toLowerCase().includes(text),
  );
}

/** What the address asks for; anything that is not known is the default. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const sort = query.get("sort") ?? DEFAULTS.sort;
  const key = sort.replace(/^-/, "");
  return {
    status: query.get("status") ?? DEFAULTS.status,
    text: query.get("q") ?? DEFAULTS.q,
    sortKey: COLUMNS[key]?.sort ? key : DEFAULTS.sort,
    isDescending: sort.startsWith("-") && Boolean(COLUMNS[key]?.sort),
    group: query.get("group") in GROUPS ? query.get("group") : DEFAULTS.group,
  };
}

export function writeAddress({ status, text, sortKey, isDescending, group }) {
  const query = new URLSearchParams(location.search);
  const values = { status, q: text.trim(), sort: (isDescending ? "-" : "") + sortKey, group };
  for (const [key, value] of Object.entries(values)) {
    query.delete(key);
    if (value !== DEFAULTS[key]) query.append(key, value);
  }
  const tail = query.toString() ? `?${query}` : "";
  if (tail !== location.search) history.replaceState(history.state, "", location.pathname + tail);
}

/** The columns that this browser's reader chose, or null for those that fit. */
export function chosenColumns() {
  try {
    const stored = JSON.parse(localStorage.getItem(COLUMNS_KEY));
    return Array.isArray(stored) ? OPTIONAL.filter((key) => stored.includes(key)) : null;
  } catch {
    return null; // nothing, or nothing of ours, or storage is blocked
  }
}

export function keepColumns(keys) {
  try {
    if (keys === null) localStorage.removeItem(COLUMNS_KEY);
    else localStorage.setItem(COLUMNS_KEY, JSON.stringify(keys));
  } catch {
    // not remembered, but shown
  }
}

export const withFixed = (keys) => KEYS.filter((key) => COLUMNS[key].isFixed || keys.includes(key));

export { comparing };
