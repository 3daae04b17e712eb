// The words, colours and icons of states: always all three together.
import { Icon } from "we-icon";
import { LABELS } from "we-labels";
import { t } from "we-language";

const { bot: BOT, service: SERVICE, system: SYSTEM, breaker: BREAKER } = LABELS;

export const BOT_STATUSES = Object.keys(BOT);
export const botStatus = (status) => BOT[status] ?? BOT.unknown;
/** `null` for a breaker that is closed. */
export const breakerStatus = (state) => BREAKER[state] ?? null;
/** `fault` says what is wrong with one that is unhealthy: not every one of them is down. */
export const serviceStatus = (status, fault = "is down") => {
  const found = SERVICE[status] ?? SERVICE.unknown;
  if (status !== "unhealthy" || fault === "is down") return found;
  const word = t(fault);
  return { ...found, label: word[0].toUpperCase() + word.slice(1) };
};
export const systemStatus = (status) => SYSTEM[status] ?? SYSTEM.degraded;

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
