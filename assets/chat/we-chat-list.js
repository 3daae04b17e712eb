// The bubbles of one conversation, with a line where a day begins. For the keyboard they are one stop: the arrow keys go
// from bubble to bubble, Tab to what can be done with one, Escape back to the composer.
import { ChatMessage } from "we-chat-message";
import { keyOf } from "we-chat-store";
import { locale, t } from "we-language";

const NEAR_S = 600; // what is said within this time by the same side belongs together

export const MessageList = {
  components: { ChatMessage },
  props: { messages: Array, hasOlder: Boolean, inFlight: String, bot: Object, maxChars: Number },
  emits: ["act", "leave"],
  data: () => ({ pointed: null, focused: null, tabStop: null }),
  computed: {
    rows() {
      const latestOwn = this.messages.findLast((message) => message.role === "user");
      const byId = new Map(this.messages.filter(({ role }) => role === "user").map((message) => [message.id, message]));
      let before = null;
      let lastOwn = null;
      return this.messages.map((message) => {
        const day = new Date(message.at * 1000).toDateString();
        const isNewDay = before?.day !== day;
        const isFirst = isNewDay || before.role !== message.role || message.at - before.at > NEAR_S;
        before = { day, role: message.role, at: message.at };
        if (message.role === "user") lastOwn = message.id;
        const quote =
          message.reply_to && message.reply_to !== lastOwn ? quoteOf(byId.get(message.reply_to), this.hasOlder) : null;
        const isWaiting = message.status === "sending" && message.client_id !== this.inFlight;
        return {
          key: keyOf(message),
          message,
          quote,
          isWaiting,
          isFirst: isFirst || quote !== null,
          dayWord: isNewDay ? dayWord(message.at) : "",
          isLatestOwn: message === latestOwn,
        };
      });
    },
    stop() {
      return this.rows.some(({ key }) => key === this.tabStop) ? this.tabStop : this.rows.at(-1)?.key;
    },
  },
  mounted() {
    document.addEventListener("pointerdown", this.pointDown);
  },
  unmounted() {
    document.removeEventListener("pointerdown", this.pointDown);
  },
  methods: {
    /** Where the keyboard is. What a click leaves the focus on is where the pointer is. */
    gainFocus(key, event) {
      this.tabStop = key;
      if (!event.target.matches(":focus-visible")) return;
      this.focused = key;
      this.pointed = null;
    },
    /** A finger points where it goes down, and goes on pointing there when it is up. */
    point(key, event) {
      if (event.pointerType !== "touch" && this.pointed !== key) this.pointed = key;
    },
    pointDown(event) {
      const item = this.$el.contains(event.target) ? event.target.closest(".chat-message") : null;
      this.pointed = item?.dataset.key ?? null;
      this.focused = null;
    },
    loseFocus(event) {
      if (!this.$el.contains(event.relatedTarget)) this.focused = null;
    },
    keydown(event) {
      const item = event.target.closest(".chat-message");
      if (event.key === "Escape") return event.target.matches("textarea") || this.$emit("leave");
      if (event.target !== item || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      const items = [...this.$el.querySelectorAll(".chat-message")];
      const next = items[items.indexOf(item) + (event.key === "ArrowUp" ? -1 : 1)];
      event.preventDefault();
      if (next) next.focus();
      else if (event.key === "ArrowDown") this.$emit("leave");
    },
  },
  template: `
    <ol class="chat-messages" @focusout="loseFocus" @keydown="keydown" @pointerleave="point(null, $event)">
      <template v-for="row in rows" :key="row.key">
        <li v-if="row.dayWord" class="chat-day"><span>{{ row.dayWord }}</span></li>
        <ChatMessage :message="row.message" :quote="row.quote" :is-waiting="row.isWaiting" :is-first="row.isFirst" :is-latest-own="row.isLatestOwn" :is-active="row.key === pointed || row.key === focused" :is-tab-stop="row.key === stop" :data-key="row.key"
          :bot="bot" :max-chars="maxChars" @act="(...what) => $emit('act', ...what)" @focusin="gainFocus(row.key, $event)" @pointermove="point(row.key, $event)" />
      </template>
    </ol>`,
};

/** An answer that does not stand below its question says what it answers: the question was retried, or others came. */
function quoteOf(question, hasOlder) {
  if (question) return { key: keyOf(question), text: question.excerpt };
  return hasOlder ? { key: null, text: t("an earlier message") } : null; // else the question was deleted
}

function dayWord(at) {
  const day = new Date(at * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return t("Today");
  if (days === 1) return t("Yesterday");
  const year = day.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString(locale(), { weekday: "long", day: "numeric", month: "long", year });
}
