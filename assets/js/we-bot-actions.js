// What can be done to bots, and why not; the server says which of it a person may do at all.
import { Icon } from "we-icon";
import { isRestarting } from "we-bot-note";
import { LABELS } from "we-labels";

/** In the order of menus; see `Action` in console/labels.py. */
export const ACTIONS = LABELS.actions;

/** Why an action makes no sense for a bot now; empty when it does. */
export function whyNot(action, bot, hasEngine) {
  if (action === "maintenance") return bot.status === "maintenance" ? "It is in maintenance" : "";
  if (action === "end_maintenance") return bot.status === "maintenance" ? "" : "It is not in maintenance";
  if (action === "remove") return bot.is_declared ? "A file, BOTS_CONFIG or a running container describes it" : "";
  if (isRestarting(bot)) return "Something is under way already";
  if (!hasEngine) return "No container engine is configured";
  if (!bot.container) return "No container of this bot is known";
  if (!bot.container.is_managed) return "The container does not carry the bot label";
  const isRunning = ["running", "restarting", "paused"].includes(bot.container.state);
  if (action === "start" && isRunning) return "It runs already";
  if (action === "stop" && !isRunning) return "It does not run";
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

const MANY = 12;
const DURATIONS = [
  [30, "30 minutes"],
  [60, "1 hour"],
  [240, "4 hours"],
  [1440, "1 day"],
  [0, "Until I end it"],
];

/** The one question before anything is done: names the bots, and says how many people it touches right now. */
export const ConfirmAction = {
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
      return this.bots.length === 1 ? this.bots[0].title : `${this.bots.length} bots`;
    },
    question() {
      if (this.action === "maintenance") return `Put ${this.subject} into maintenance?`;
      if (this.action === "end_maintenance") return `End the maintenance of ${this.subject}?`;
      if (this.action === "remove") return `Remove ${this.subject} from the fleet?`;
      return `${this.verb} ${this.subject}?`;
    },
    named() {
      const more = this.bots.length - MANY;
      return (
        this.bots
          .slice(0, MANY)
          .map((bot) => bot.title)
          .join(", ") + (more > 0 ? ` and ${more} more` : "")
      );
    },
    impact() {
      const it = this.bots.length === 1 ? "it" : "them";
      if (this.affectedUsers === 0) return `No one is talking to ${it} right now.`;
      const people = this.affectedUsers === 1 ? "1 person is" : `${this.affectedUsers} people are`;
      const cost = ACTIONS[this.action].is_felt ? " What is being answered at this moment will be interrupted." : "";
      return `${people} talking to ${it} right now.${cost}`;
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
      <p v-if="skipped" class="we-muted" data-testid="skipped">{{ skipped === 1 ? '1 selected bot is' : skipped + ' selected bots are' }} left out: it makes no sense there now.</p>
      <p v-if="estimate" class="we-muted">{{ bots.length === 1 ? 'It is' : 'Each is' }} usually back in about {{ estimate }}.</p>
      <p v-if="action === 'remove'" class="we-muted">No file and no running container describes {{ bots.length === 1 ? 'it' : 'them' }} any more. Conversations are
        kept, and a bot comes back by itself when something describes it again.</p>
      <template v-if="action === 'maintenance'">
        <p class="we-muted">No alarm and no automatic restart while it lasts; the checks go on.</p>
        <label class="we-field">For <select v-model.number="minutes" class="we-select">
          <option v-for="[value, label] in durations" :key="value" :value="value">{{ label }}</option></select></label>
        <label class="we-field">Reason <input v-model="reason" maxlength="200" placeholder="What others should know"></label>
      </template>
      <div class="we-dialog-actions">
        <button class="we-button" type="button" @click="$refs.dialog.close()" autofocus>Cancel</button>
        <button class="we-button" :class="isDanger ? 'we-danger' : 'we-primary'" type="button" data-testid="confirm" @click="confirm">{{ verb }}{{
          action.includes('maintenance') ? '' : ' ' + subject }}</button>
      </div>
    </dialog>`,
};

/** A menu at the button that opened it: arrows move, Escape closes and gives the focus back. */
export const BotMenu = {
  components: { Icon },
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
    <div v-if="bot" class="we-menu" role="menu" :aria-label="'Actions for ' + bot.title" :style="place" data-testid="menu" @keydown="key">
      <button v-for="item in items" :key="item[0]" type="button" role="menuitem" tabindex="-1" :aria-disabled="Boolean(item[3])" :title="item[3]"
        :data-testid="'menu-' + item[0]" @click="choose(item)"><Icon :name="item[2]" />{{ item[1] }}</button>
    </div>`,
};
