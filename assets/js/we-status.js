// The words, colours and icons of states: always all three together.
import { Icon } from "we-icon";

/** Status of a bot: [word, tone, weight]; the heaviest needs an operator first. */
const BOT = {
  offline: ["Offline", "bad", 7],
  misaddressed: ["Misaddressed", "bad", 7],
  quarantined: ["Quarantined", "violet", 6],
  degraded: ["Degraded", "warn", 5],
  unknown: ["Unknown", "idle", 4],
  restarting: ["Restarting", "busy", 3],
  starting: ["Starting", "busy", 2],
  maintenance: ["Maintenance", "violet", 1],
  online: ["Online", "ok", 0],
};

const SERVICE = {
  healthy: ["Healthy", "ok", "online"],
  unhealthy: ["Down", "bad", "offline"],
  unknown: ["Unknown", "idle", "unknown"],
  not_configured: ["Not configured", "idle", "not_configured"],
};

const SYSTEM = {
  healthy: ["Healthy", "ok", "online"],
  degraded: ["Degraded", "warn", "degraded"],
  critical: ["Critical", "bad", "offline"],
};

/** A bot's breaker, when it is not closed. */
const BREAKER = {
  open: ["Paused", "warn", "paused", "Calls are paused after many failures"],
  half_open: ["Trying", "busy", "starting", "Calls were paused after many failures; the next one decides"],
};

export const BOT_STATUSES = Object.keys(BOT);
export const word = (status) => (BOT[status] ?? BOT.unknown)[0];
export const tone = (status) => (BOT[status] ?? BOT.unknown)[1];
export const weight = (status) => (BOT[status] ?? BOT.unknown)[2];

const named = ([label, tone, icon]) => ({ label, tone, icon });
export const botStatus = (status) => ({
  label: word(status),
  tone: tone(status),
  icon: status in BOT ? status : "unknown",
});
export const breakerStatus = (state) =>
  state in BREAKER ? { ...named(BREAKER[state]), title: BREAKER[state][3] } : null;
/** `fault` says what is wrong with one that is unhealthy: not every one of them is down. */
export const serviceStatus = (status, fault = "is down") => {
  const found = named(SERVICE[status] ?? SERVICE.unknown);
  return status === "unhealthy" && fault !== "is down"
    ? { ...found, label: fault[0].toUpperCase() + fault.slice(1) }
    : found;
};
export const systemStatus = (status) => named(SYSTEM[status] ?? SYSTEM.degraded);

/** A status as a mark: icon and word in its colour. `of` is what one of the functions above gives. */
export const StatusMark = {
  components: { Icon },
  props: { of: Object },
  template: `
    <span class="we-status" :class="'we-status-' + of.tone">
      <Icon :name="of.icon" :class="{ 'we-turning': of.icon === 'restarting' }" />
      <span>{{ of.label }}</span>
    </span>`,
};
