// What the person writes, from the key to the stored message: a part of the page's component. A message is shown at once
// and may be handed over again; its id makes it the same one.
import { newId } from "we-chat-memory";
import { changed, keyOf, merged, without } from "we-chat-store";

const CONFIRM_MS = 20_000; // a message is stored in milliseconds; after this its bubble says that it was not
const RESEND_S = 300; // what was written longer ago waits for its author instead of going out by itself
const EXCERPT_CHARS = 120;

const nowS = () => Date.now() / 1000;

export const outbox = {
  created() {
    this.timers = new Map();
  },
  unmounted() {
    for (const timer of this.timers.values()) clearTimeout(timer);
  },
  methods: {
    send(text) {
      this.dispatch({ client_id: newId(), bot: this.chosen, text, at: nowS() });
      this.scrollSoon();
    },
    retry(message) {
      if (message.status === "unsent") {
        this.dispatch({ client_id: message.client_id, bot: this.chosen, text: message.text, at: message.at });
      } else {
        this.keep(this.chosen, changed(this.thread, (one) => one === message, { status: "pending", error: "" }));
        this.ask("retry", { bot: this.chosen, message_id: message.id });
      }
      this.scrollSoon();
    },
    /** Take what was never stored back into the composer. */
    takeBack(message) {
      this.memory.forgetUnsent(message.client_id);
      this.keep(this.chosen, without(this.thread, (one) => one === message));
      this.$refs.composer.set(message.text);
      this.$refs.composer.focus();
    },
    dispatch(entry, isOnlyShown = false) {
      const message = {
        id: null,
        client_id: entry.client_id,
        role: "user",
        html: null,
        text: entry.text,
        excerpt: entry.text.slice(0, EXCERPT_CHARS),
        at: entry.at,
        seq: null,
        status: isOnlyShown ? "unsent" : "sending",
        error: isOnlyShown ? "This message was not sent." : "",
        reactions: [],
      };
      this.keep(entry.bot, merged(this.threadOf(entry.bot), [message]));
      this.latest[entry.bot] = message;
      this.memory.keepUnsent(entry);
      if (isOnlyShown) return;
      this.timers.set(entry.client_id, setTimeout(() => this.giveUp(entry), CONFIRM_MS));
      this.ask("send", { bot: entry.bot, text: entry.text, client_id: entry.client_id });
    },
    giveUp(entry) {
      const error = this.isConnected ? "The server has not confirmed this message." : "Not sent: there is no connection.";
      this.settle(entry.client_id, { isKept: true });
      this.tellUnsent(entry.bot, entry.client_id, { error });
    },
    /** A message was not stored: called by the server's refusal. */
    refuseSend(name, clientId, error, canRetry) {
      this.settle(clientId);
      this.tellUnsent(name, clientId, { error, can_retry: canRetry });
    },
    tellUnsent(name, clientId, changes) {
      const key = `c:${clientId}`;
      this.keep(name, changed(this.threadOf(name), (message) => keyOf(message) === key, { status: "unsent", ...changes }));
      if (name === this.chosen) this.showNews();
    },
    settle(clientId, { isKept = false } = {}) {
      if (!clientId) return;
      clearTimeout(this.timers.get(clientId));
      this.timers.delete(clientId);
      if (!isKept) this.memory.forgetUnsent(clientId);
    },
    resendOutbox() {
      for (const entry of this.memory.outbox()) {
        if (this.roster[entry.bot]) this.dispatch(entry, nowS() - entry.at > RESEND_S);
        else this.memory.forgetUnsent(entry.client_id);
      }
    },
  },
};
