// What can be done to bots, and why not; the server says which of it a person may do at all.
import { Icon } from "we-icon";
import { isRestarting } from "we-bot-note";
import { LABELS } from "we-labels";
import { SPEAKING, nt, t } from "we-language";

/** In the order of menus; see `Action` in console/labels.py. */
export const ACTIONS = LABELS.actions;

/** Why an action makes no sense for a bot now; empty when it does. */
export function whyNot(action, bot, hasEngine) {
  if (action === "maintenance") return bot.status === "maintenance" ? t(LABELS.why_not.in_maintenance) : "";
  if (action === "end_maintenance") return bot.status === "maintenance" ? "" : t(LABELS.why_not.not_in_maintenance);
  if (action === "remove") {
    return bot.is_declared ? t(LABELS.why_not.declared) : "";
  }
  if (isRestarting(bot)) return t(LABELS.why_not.busy);
  if (!hasEngine) return t(LABELS.why_not.no_engine);
  if (!bot.container) return t(LABELS.why_not.no_container);
  if (!bot.container.is_managed) return t(LABELS.why_not.no_label);
  const isRunning = ["running", "restarting", "paused"].includes(bot.container.state);
  if (action === "start" && isRunning) return t(LABELS.why_not.running);
  if (action === "stop" && !isRunning) return t(LABELS.why_not.not_running);
  return "";
}

/** The actions for one bot that are worth a line of its menu. */
export function offered(allowed, bot) {
  const isAtWork = bot.status === "maintenance";
  return Object.keys(ACTIONS).filter(
    (key) =>
      allowed.includes(key) &&
      !ACTIONS[key].is_for_many &&
      !(key === "remove" && bot.is_declared) &&
      !(key === "end_maintenance" && !isAtWork) &&
      !(key === "maintenance" && isAtWork),
  );
}

/** How many people an action touches right now; `isFelt`: they notice. */
export function affectedText(people, bots, isFelt) {
  if (people === 0) return nt("No one is talking to it right now.", "No one is talking to them right now.", bots);
  const who =
    bots === 1
      ? nt("{count} person is talking to it right now.", "{count} people are talking to it right now.", people)
      : nt("{count} person is talking to them right now.", "{count} people are talking to them right now.", people);
  return isFelt ? `${who} ${t("Answers in progress will be interrupted.")}` : who;
}

const MANY = 12;
const DURATIONS = [
  [30, t("30 minutes")],
  [60, t("1 hour")],
  [240, t("4 hours")],
  [1440, t("1 day")],
  [0, t("Until I end it")],
];

/** The one question before anything is done: names the bots, and says how many people it touches right now. */
export const ConfirmAction = {
  mixins: [SPEAKING],
  emits: ["confirmed"],
  data: () => ({
    action: "restart",
    bots: [],
    skipped: 0,
    affectedUsers: 0,
    estimate: null,
    minutes: 60,
    reason: "",
    durations: DURATIONS,
  }),
  computed: {
    verb() {
      return ACTIONS[this.action].label;
    },
    subject() {
      return this.bots.length === 1 ? this.bots[0].title : nt("{count} bot", "{count} bots", this.bots.length);
    },
    question() {
      const { subject } = this;
      if (this.action === "maintenance") return t("Put {subject} into maintenance?", { subject });
      if (this.action === "end_maintenance") return t("End maintenance of {subject}?", { subject });
      if (this.action === "remove") return t("Remove {subject} from the fleet?", { subject });
      return t("{action} {subject}?", { action: this.verb, subject });
    },
    named() {
      const more = this.bots.length - MANY;
      const names = this.bots
        .slice(0, MANY)
        .map((bot) => bot.title)
        .join(", ");
      return more > 0 ? t("{names} and {more} more", { names, more }) : names;
    },
    impact() {
      return affectedText(this.affectedUsers, this.bots.length, ACTIONS[this.action].is_felt);
    },
    isDanger() {
      return ACTIONS[this.action].is_felt || ACTIONS[this.action].is_final;
    },
  },
  methods: {
    ask({ action, bots, skipped, affectedUsers, estimate }) {
      Object.assign(this, { action, bots, skipped, affectedUsers, estimate, reason: "" });
      this.$refs.dialog.showModal();
    },
    confirm() {
      this.$refs.dialog.close();
      const extra = this.action === "maintenance" ? { minutes: this.minutes || null, reason: this.reason.trim() } : {};
      this.$emit("confirmed", { action: this.action, names: this.bots.map((bot) => bot.name), ...extra });
    },
  },
  template: `
    <dialog ref="dialog" class="we-dialog" aria-labelledby="confirm-title" :data-testid="'confirm-' + action">
      <h2 id="confirm-title">{{ question }}</h2>
      <p v-if="bots.length > 1" class="we-dialog-names" data-testid="named">{{ named }}</p>
      <p data-testid="affected-users">{{ impact }}</p>
      <p v-if="skipped" class="we-muted" data-testid="skipped">{{ nt('{count} selected bot is left out: not available for it right now.', '{count} selected bots are left out: not available for them right now.', skipped) }}</p>
      <p v-if="estimate" class="we-muted">{{ bots.length === 1 ? t('It is usually back in about {estimate}.', { estimate }) : t('Each is usually back in about {estimate}.', { estimate }) }}</p>
      <p v-if="action === 'remove'" class="we-muted">{{ t('No file and no running container describes this any more. Conversations are kept, and a bot comes back by itself when something describes it again.') }}</p>
      <template v-if="action === 'maintenance'">
        <p class="we-muted">{{ t("No alerts and no automatic restarts until it ends; health checks continue.") }}</p>
        <label class="we-field">{{ t("For") }} <select v-model.number="minutes" class="we-select">
          <option v-for="[value, label] in durations" :key="value" :value="value">{{ label }}</option></select></label>
        <label class="we-field">{{ t("Reason") }} <input v-model="reason" maxlength="200" :placeholder="t('What others should know')"></label>
      </template>
      <div class="we-dialog-actions">
        <button class="we-button" type="button" @click="$refs.dialog.close()" autofocus>{{ t("Cancel") }}</button>
        <button class="we-button" :class="isDanger ? 'we-danger' : 'we-primary'" type="button" data-testid="confirm" @click="confirm">{{
          action.includes('maintenance') ? verb : t('{action} {subject}', { action: verb, subject }) }}</button>
      </div>
    </dialog>`,
};

/** A menu at the button that opened it: arrows move, Escape closes and gives the focus back. */
export const BotMenu = {
  components: { Icon },
  mixins: [SPEAKING],
  emits: ["chosen"],
  data: () => ({ bot: null, items: [], place: {}, opener: null, openedAtY: 0 }),
  mounted() {
    document.addEventListener("pointerdown", this.outside);
    window.addEventListener("scroll", this.scrolled, { passive: true });
  },
  unmounted() {
    document.removeEventListener("pointerdown", this.outside);
    window.removeEventListener("scroll", this.scrolled);
  },
  methods: {
    /** `items`: `[key, label, icon, why not]` each. */
    open(bot, items, opener) {
      if (this.bot && this.opener === opener) return this.close();
      const box = opener.getBoundingClientRect();
      const height = items.length * 34 + 12;
      const isAbove = box.bottom + height > innerHeight && box.top > height;
      this.place = {
        right: `${Math.max(8, document.documentElement.clientWidth - box.right)}px`,
        top: `${isAbove ? box.top - height - 4 : box.bottom + 4}px`,
      };
      Object.assign(this, { bot, items, opener, openedAtY: scrollY });
      this.$nextTick(() =>
        this.$el.querySelector?.("button:not([aria-disabled=true])")?.focus({ preventScroll: true }),
      );
    },
    close() {
      this.bot = null;
    },
    scrolled() {
      if (Math.abs(scrollY - this.openedAtY) > 40) this.close();
    },
    outside(event) {
      if (this.bot && !this.$el.contains?.(event.target) && !this.opener.contains(event.target)) this.close();
    },
    choose([key, , , why]) {
      if (why) return;
      const { bot, opener } = this;
      this.close();
      opener.focus({ preventScroll: true });
      this.$emit("chosen", key, bot.name);
    },
    key(event) {
      const buttons = [...this.$el.querySelectorAll("button")];
      const at = buttons.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1 + buttons.length, Home: 0, End: buttons.length - 1 }[event.key];
      if (to !== undefined) buttons[to % buttons.length].focus();
      else if (event.key === "Escape" || event.key === "Tab") {
        this.close();
        this.opener.focus({ preventScroll: true });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    },
  },
  template: `
    <div v-if="bot" class="we-menu" role="menu" :aria-label="t('Actions for {name}', { name: bot.title })" :style="place" data-testid="menu" @keydown="key">
      <button v-for="item in items" :key="item[0]" type="button" role="menuitem" tabindex="-1" :aria-disabled="Boolean(item[3])" :title="item[3]"
        :data-testid="'menu-' + item[0]" @click="choose(item)"><Icon :name="item[2]" />{{ item[1] }}</button>
    </div>`,
};
