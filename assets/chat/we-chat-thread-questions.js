// What the page asks the server for: a part of its component. A connection that dies takes with it what was on its way, and
// nothing says so. So what was asked for is kept until it was answered or its effect was told, and asked for again when the
// page is back and has caught up. Messages (`send`) have a queue of their own, and `missed` a clock.
const KEPT = new Set(["open", "overview", "read", "retry", "stop", "edit", "delete", "react", "unreact"]);

const keyOf = ({ what, bot, message_id, emoji }) => [what, bot, message_id, emoji].join(" ");

export const questions = {
  created() {
    this.asked = new Map();
    this.isAskingAgain = false;
  },
  methods: {
    ask(what, about = {}) {
      const question = { what, ...about };
      const isKept = KEPT.has(what);
      if (isKept) this.asked.set(keyOf(question), question);
      if (this.isConnected || !isKept) this.$emit("ask", question);
    },
    /** Something was answered: refused, or done with nothing else to say so. */
    answeredTo({ what, bot, message_id, emoji }) {
      for (const [key, one] of this.asked) {
        const isMeant = one.what === what && one.bot === bot && (!message_id || one.message_id === message_id);
        if (isMeant && (!emoji || one.emoji === emoji)) this.asked.delete(key);
      }
    },
    /** Something happened to a message or was read, so what was asked for there is done or out of date. */
    happened({ kind, bot, id, question }) {
      const ids = [id, question?.id];
      for (const [key, one] of this.asked) {
        const isMeant =
          kind === "read" ? one.what === "read" && one.bot === bot : one.message_id && ids.includes(one.message_id);
        if (isMeant) this.asked.delete(key);
      }
    },
    /** The page is connected again: ask as soon as it knows all that happened meanwhile. */
    askAgainSoon() {
      this.isAskingAgain = true;
    },
    askAgain() {
      if (!this.isAskingAgain || this.place.isBehind) return;
      this.isAskingAgain = false;
      for (const question of this.asked.values()) {
        if (question.what !== "open" || this.threadOf(question.bot).isLoading) this.$emit("ask", question);
      }
    },
  },
};
