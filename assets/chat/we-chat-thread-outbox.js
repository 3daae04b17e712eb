// What the person writes, from the key to the stored message: a part of the page's component.
//
// Order is the order of writing. All tabs see the same queue, kept by we-chat-memory.js: what waits for a bot goes out one
// after the other, and a message leaves the queue only when it is stored, refused for good, or discarded by its author.
// Whoever sends the first one in the queue cannot change the order, and its id makes it the same one however often it is
// sent; so tabs need no leader. The one that wrote it sends it, and another only when that one seems to be gone.
import { newId } from "we-chat-memory";
import { changed, keyOf, merged, without } from "we-chat-store";
import { t } from "we-language";

const CONFIRM_MS = 20_000; // a message is stored in milliseconds; after this it is sent again, and its bubble says so
const TAKE_OVER_MS = 3_000;
const REMOVED_MS = 1_500; // what another tab has sent comes as a stored message; else it was discarded there
const OLD_S = 24 * 3600; // what was written longer ago waits for its author instead of going out by itself
const EXCERPT_CHARS = 120;

export const outbox = {
  data: () => ({ waiting: [], flights: {}, isStorageFailing: false, draftsChanged: 0 }),
  computed: {
    /** What waits for bots that are not there (any more): {name, entries, draft}. */
    stranded() {
      const names = new Set(this.waiting.map(({ bot }) => bot));
      void this.draftsChanged;
      for (const name of this.memory.drafted()) names.add(name);
      const gone = [...names].filter((name) => !this.roster[name]);
      return gone.map((name) => ({
        name,
        entries: this.waiting.filter(({ bot }) => bot === name),
        draft: this.memory.draft(name),
      }));
    },
  },
  created() {
    this.timers = new Map(); // bot → when to try again
    this.doubted = new Set(); // ids of messages that were not confirmed in time
    this.copies = new Map(); // id → message that waits, for when somebody clears the browser's storage under it
    this.met = new Map(); // id of another tab's message → when it was first seen at the head of its queue
  },
  mounted() {
    addEventListener("storage", this.hearStorage);
    addEventListener("beforeunload", this.warnOfLoss);
  },
  unmounted() {
    removeEventListener("storage", this.hearStorage);
    removeEventListener("beforeunload", this.warnOfLoss);
    for (const timer of this.timers.values()) clearTimeout(timer);
  },
  methods: {
    // What a person does

    send(text) {
      this.queue({ client_id: newId(), bot: this.chosen, text });
      this.scrollSoon();
    },
    retry(message) {
      if (message.status === "unsent") {
        const entry = this.memory.entry(message.client_id);
        // Others may have gone out meanwhile: who sends a refused message again writes it now.
        if (entry?.refusal) this.queue({ client_id: entry.client_id, bot: entry.bot, text: entry.text });
        else {
          this.doubted.delete(message.client_id);
          this.hurry(this.chosen);
        }
      } else if (message.role === "bot") {
        this.ask("retry", { bot: this.chosen, message_id: message.reply_to }); // what was cut off stays until that is begun
      } else {
        this.keep(
          this.chosen,
          changed(this.thread, (one) => one === message, { status: "pending", error: "" }),
        );
        this.ask("retry", { bot: this.chosen, message_id: message.id });
      }
      this.scrollSoon();
    },
    /** Take what was not stored back into the composer, before what is there. */
    takeBack(message) {
      this.discard(message);
      const { composer } = this.$refs;
      composer.set([message.text, composer.text].filter((text) => text.trim()).join("\n\n"));
      composer.focus();
    },
    discard({ client_id }, name = this.chosen) {
      this.forget(client_id, name);
      this.keep(
        name,
        without(this.threadOf(name), (one) => one.client_id === client_id && one.seq === null),
      );
      if (this.latest[name]?.client_id !== client_id) return;
      delete this.latest[name];
      this.lookSoon();
    },
    discardDraft(name) {
      this.memory.forgetDraft(name);
      this.draftsChanged += 1;
    },

    // The queue

    queue(entry) {
      const whole = { ...entry, at: this.memory.nextAt(), tab: this.memory.tab };
      this.memory.keepUnsent(whole);
      this.show(whole);
      this.pump(entry.bot);
    },
    /** Send the first of a bot's queue, unless it is on its way. */
    pump(name) {
      this.waiting = Object.freeze(this.memory.outbox());
      const head = this.waiting.find((entry) => entry.bot === name && !entry.refusal);
      if (this.flights[name] && this.flights[name] !== head?.client_id) this.land(name);
      if (!head || !this.isConnected || !this.roster[name] || this.flights[name] || this.timers.has(name)) return;
      const wait = this.takeOverIn(head);
      if (wait > 0) return this.pumpIn(name, wait);
      this.flights[name] = head.client_id;
      if (!this.doubted.has(head.client_id)) this.tellUnsent(name, head.client_id, { status: "sending", error: "" });
      this.pumpIn(name, CONFIRM_MS, () => this.doubt(name, head.client_id));
      this.ask("send", { bot: name, text: head.text, client_id: head.client_id });
    },
    pumpAll() {
      for (const name of Object.keys(this.roster)) this.hurry(name);
    },
    hurry(name) {
      this.land(name);
      this.pump(name);
    },
    pumpIn(name, ms, first = () => {}) {
      clearTimeout(this.timers.get(name));
      const due = () => {
        this.timers.delete(name);
        first();
        this.pump(name);
      };
      this.timers.set(name, setTimeout(due, ms));
    },
    /** Nothing is on its way to a bot. */
    land(name) {
      clearTimeout(this.timers.get(name));
      this.timers.delete(name);
      delete this.flights[name];
    },
    /** How long to leave a message to the tab that wrote it. */
    takeOverIn({ client_id, tab }) {
      if (tab === this.memory.tab) return 0;
      if (!this.met.has(client_id)) this.met.set(client_id, Date.now());
      return this.met.get(client_id) + TAKE_OVER_MS - Date.now();
    },
    doubt(name, clientId) {
      delete this.flights[name];
      this.doubted.add(clientId);
      this.tellUnsent(name, clientId, { status: "unsent", error: t("Couldn't confirm this was sent. Trying again…") });
    },
    /** A message was not stored: called by the server's refusal. `againS`: it may be, after so many seconds. */
    refuseSend(name, clientId, error, canRetry, againS) {
      const entry = this.memory.entry(clientId);
      if (!entry) return;
      const isNow = this.flights[name] === clientId;
      if (againS !== null) {
        if (!isNow) return;
        delete this.flights[name];
        this.tellUnsent(name, clientId, { status: "unsent", error });
        return this.pumpIn(name, againS * 1000);
      }
      const refused = { ...entry, refusal: { error, can_retry: canRetry } };
      this.copies.set(clientId, refused);
      this.memory.keepUnsent(refused);
      this.tellUnsent(name, clientId, { status: "unsent", error, can_retry: canRetry });
      if (isNow) this.hurry(name);
    },
    refuseRetry(name, id, error) {
      const isMeant = (message) => message.id === id && message.status === "pending";
      if (this.threadOf(name).messages.some(isMeant)) {
        this.keep(name, changed(this.threadOf(name), isMeant, { status: "failed", error }));
      } else this.notice = error;
    },
    /** A message is stored. */
    settle(clientId) {
      const entry = clientId ? (this.memory.entry(clientId) ?? this.copies.get(clientId)) : null;
      if (entry) this.forget(clientId, entry.bot);
    },
    forget(clientId, name) {
      this.copies.delete(clientId);
      this.memory.forgetUnsent(clientId);
      this.met.delete(clientId);
      this.doubted.delete(clientId);
      this.pump(name);
    },
    /** Show what waits, and send it: at the start, and when the page is connected again. */
    resendOutbox() {
      this.waiting = Object.freeze(this.memory.outbox());
      for (const entry of this.waiting) {
        const isOld = Date.now() / 1000 - entry.at > OLD_S && !entry.refusal;
        const whole = isOld
          ? { ...entry, refusal: { error: t("This message was not sent."), can_retry: true } }
          : entry;
        if (isOld) this.memory.keepUnsent(whole);
        this.show(whole);
      }
      this.pumpAll();
    },

    // What is seen of it

    show(entry) {
      const { client_id, bot, text, at, refusal } = entry;
      this.copies.set(client_id, entry);
      const message = {
        id: null,
        client_id,
        role: "user",
        html: null,
        text,
        excerpt: text.slice(0, EXCERPT_CHARS),
        at,
        seq: null,
        status: refusal ? "unsent" : "sending",
        error: refusal?.error ?? "",
        can_retry: refusal?.can_retry,
        reactions: [],
      };
      this.keep(bot, merged(this.threadOf(bot), [message]));
      this.latest[bot] = message;
    },
    tellUnsent(name, clientId, changes) {
      const key = `c:${clientId}`;
      this.keep(
        name,
        changed(this.threadOf(name), (message) => message.seq === null && keyOf(message) === key, changes),
      );
      if (this.latest[name]?.client_id === clientId && this.latest[name].seq === null) {
        this.latest[name] = { ...this.latest[name], ...changes };
      }
      if (name === this.chosen && this.isAtEnd) this.scrollSoon();
    },

    // Other tabs, and storage that fails

    hearStorage({ key, newValue }) {
      if (key === null) return this.putBack();
      const clientId = this.memory.unsentOf(key);
      if (clientId === null) return;
      const entry = newValue === null ? null : this.memory.entry(clientId);
      if (entry) {
        this.show(entry);
        this.pump(entry.bot);
        return;
      }
      this.copies.delete(clientId);
      setTimeout(() => this.memory.entry(clientId) === null && this.removeShown(clientId), REMOVED_MS);
      for (const name of Object.keys(this.roster)) this.pump(name);
    },
    /** The storage was cleared as a whole: that discards nothing. What is sent or discarded takes its own key away. */
    putBack() {
      for (const [clientId, entry] of this.copies) if (!this.memory.entry(clientId)) this.memory.keepUnsent(entry);
      for (const name of Object.keys(this.roster)) this.pump(name);
    },
    removeShown(clientId) {
      for (const [name, thread] of Object.entries(this.threads)) {
        const isMeant = (message) => message.client_id === clientId && message.seq === null;
        if (thread.messages.some(isMeant)) this.keep(name, without(thread, isMeant));
      }
    },
    warnOfLoss(event) {
      if (this.memory.loose.size) event.preventDefault();
    },
  },
};
