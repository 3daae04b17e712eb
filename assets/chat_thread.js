// The chat page: bots, the thread of one of them, and the composer. The server sends increments only, by calling the
// methods under "Called by the server"; see console/widgets/chat_thread.py for their twins.
import { Avatar } from "we-avatar";
import { BotList, publicStatus } from "we-chat-bots";
import { Composer } from "we-chat-composer";
import { Memory, newId } from "we-chat-memory";
import { MessageList } from "we-chat-message";
import { changed, emptyThread, isAwaited, keyOf, merged, without } from "we-chat-store";
import { StatusMark } from "we-status";

const CONFIRM_MS = 20_000; // a message is stored in milliseconds; after this its bubble says that it was not
const RESEND_S = 300; // what was written longer ago waits for its author instead of going out by itself
const NEAR_TOP_PX = 300;
const NEAR_BOTTOM_PX = 60;
const EXCERPT_CHARS = 120;

const nowS = () => Date.now() / 1000;

export default {
  components: { Avatar, BotList, Composer, MessageList, StatusMark },
  props: { me: Object, bots: Array, last: Object, selected: String, maxChars: Number, icons: String },
  emits: ["open", "older", "send", "retry"],
  data() {
    return {
      roster: Object.fromEntries(this.bots.map((bot) => [bot.name, bot])),
      chosen: this.selected ?? null,
      isListShown: !this.selected,
      threads: {},
      latest: { ...this.last },
      unread: {},
      isConnected: true,
      isAtEnd: true,
      hasNews: false,
      announcement: "",
    };
  },
  computed: {
    bot() {
      return this.roster[this.chosen] ?? null;
    },
    thread() {
      return this.threads[this.chosen] ?? emptyThread();
    },
    botList() {
      return Object.values(this.roster);
    },
    awaited() {
      return Object.fromEntries(Object.entries(this.threads).filter(([, thread]) => isAwaited(thread)).map(([name]) => [name, true]));
    },
    status() {
      return publicStatus(this.bot.status);
    },
    firstName() {
      return this.bot.title.split(" ")[0];
    },
  },
  watch: {
    "bot.title": {
      immediate: true,
      handler(title) {
        this.pageTitle ??= document.title;
        document.title = title ? `${title} · ${this.pageTitle}` : this.pageTitle;
      },
    },
  },
  created() {
    this.memory = new Memory(this.me.id);
    this.timers = new Map();
  },
  mounted() {
    addEventListener("popstate", this.follow);
    // NiceGUI's root makes the socket after its children are mounted.
    this.$nextTick(() => {
      window.socket.on("chat_bots", this.updateBots);
      window.socket.on("connect", this.connected);
      window.socket.on("disconnect", this.disconnected);
      if (this.bot) this.open(this.chosen);
      this.resendOutbox();
    });
    this.sizes = new ResizeObserver(() => this.isAtEnd && this.scrollToEnd());
  },
  unmounted() {
    removeEventListener("popstate", this.follow);
    window.socket?.off("chat_bots", this.updateBots);
    window.socket?.off("connect", this.connected);
    window.socket?.off("disconnect", this.disconnected);
    this.sizes.disconnect();
    for (const timer of this.timers.values()) clearTimeout(timer);
  },
  methods: {
    // Called by the server

    /** A page of history, older than everything here. */
    showPage(name, messages, nextBefore) {
      const box = this.$refs.scroll;
      const isShown = name === this.chosen;
      const fromEnd = isShown && box ? box.scrollHeight - box.scrollTop : 0;
      const isFirstPage = !this.threadOf(name).isLoaded;
      this.keep(name, { ...merged(this.threadOf(name), messages, false), nextBefore, isLoaded: true, isLoading: false, error: "" });
      if (!isShown) return;
      this.$nextTick(() => {
        const scroll = this.$refs.scroll;
        if (!scroll) return;
        if (isFirstPage || this.isAtEnd) this.scrollToEnd();
        else scroll.scrollTop = scroll.scrollHeight - fromEnd; // the reader's place stays where it was
        this.scrolled(); // a page that does not fill a tall screen needs the next one at once
      });
    },
    /** History could not be read. */
    failPage(name, error) {
      this.keep(name, { ...this.threadOf(name), isLoading: false, error });
    },
    /** Messages, new or known. News replace what is known of them; the rest only what was not confirmed. */
    merge(name, messages, isNews) {
      const known = new Set(this.threadOf(name).messages.map(keyOf));
      this.keep(name, merged(this.threadOf(name), messages, isNews));
      for (const message of messages) {
        this.settle(message.client_id);
        const last = this.latest[name];
        if (!last || last.seq === null || message.seq >= last.seq) this.latest[name] = message;
        if (message.role === "bot" && !known.has(keyOf(message))) this.announce(name, message);
      }
      if (name === this.chosen) this.showNews(messages.some((message) => message.role === "user" && !known.has(keyOf(message))));
    },
    setTyping(name, isTyping) {
      this.keep(name, { ...this.threadOf(name), isTyping });
      if (name === this.chosen) this.showNews(false);
    },
    /** A message was not stored. */
    refuseSend(name, clientId, error, canRetry) {
      this.settle(clientId);
      this.keep(name, changed(this.threadOf(name), `c:${clientId}`, { status: "unsent", error, can_retry: canRetry }));
      if (name === this.chosen) this.showNews(false);
    },
    /** A stored message could not be tried again. */
    refuseRetry(name, messageId, error) {
      const message = this.threadOf(name).messages.find(({ id }) => id === messageId);
      if (message) this.keep(name, changed(this.threadOf(name), keyOf(message), { status: "failed", error }));
    },
    /** Events were missed: forget what was said and ask again for what is seen. */
    resync() {
      for (const [name, thread] of Object.entries(this.threads)) {
        const own = thread.messages.filter((message) => message.seq === null);
        this.keep(name, { ...emptyThread(), messages: own });
      }
      if (this.bot) this.open(this.chosen);
    },
    updateBots({ bots, names }) {
      for (const bot of bots) this.roster[bot.name] = bot;
      this.roster = Object.fromEntries(names.filter((name) => this.roster[name]).map((name) => [name, this.roster[name]]));
    },

    // What the person does

    select(name) {
      this.isListShown = false;
      if (name !== this.chosen) history.pushState(null, "", `?bot=${encodeURIComponent(name)}`);
      this.open(name);
    },
    follow() {
      const name = new URLSearchParams(location.search).get("bot");
      this.isListShown = !this.roster[name];
      if (this.roster[name]) this.open(name);
    },
    open(name) {
      this.chosen = name;
      this.isAtEnd = true;
      this.hasNews = false;
      delete this.unread[name];
      const thread = this.threadOf(name);
      if (!thread.isLoaded && !thread.isLoading) this.load(name);
      this.$nextTick(() => {
        this.sizes.disconnect();
        if (this.$refs.scroll) this.sizes.observe(this.$refs.scroll);
        this.scrollToEnd();
        // On a touch screen this would open the keyboard over the thread.
        if (matchMedia("(pointer: fine)").matches) this.$refs.composer?.focus();
      });
    },
    load(name) {
      this.keep(name, { ...this.threadOf(name), isLoading: true, error: "" });
      this.$emit("open", { bot: name });
    },
    scrolled() {
      const box = this.$refs.scroll;
      this.isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_BOTTOM_PX;
      if (this.isAtEnd) this.hasNews = false;
      const { nextBefore, isLoading } = this.thread;
      if (box.scrollTop < NEAR_TOP_PX && nextBefore !== null && !isLoading) {
        this.keep(this.chosen, { ...this.thread, isLoading: true });
        this.$emit("older", { bot: this.chosen, before: nextBefore });
      }
    },
    send(text) {
      this.dispatch({ client_id: newId(), bot: this.chosen, text, at: nowS() });
      this.scrollSoon();
    },
    retry(message) {
      if (message.status === "unsent") {
        this.dispatch({ client_id: message.client_id, bot: this.chosen, text: message.text, at: message.at });
      } else {
        this.keep(this.chosen, changed(this.thread, keyOf(message), { status: "pending", error: "" }));
        this.$emit("retry", { bot: this.chosen, message_id: message.id });
      }
      this.scrollSoon();
    },
    edit(message) {
      this.memory.forgetUnsent(message.client_id);
      this.keep(this.chosen, without(this.thread, keyOf(message)));
      this.$refs.composer.set(message.text);
      this.$refs.composer.focus();
    },
    signOut() {
      this.memory.clear(); // the frame's script ends the session
    },

    // Sending

    /** Show a message at once and hand it to the server. It may be handed over again: its id makes it the same one. */
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
      };
      this.keep(entry.bot, merged(this.threadOf(entry.bot), [message], true));
      this.latest[entry.bot] = message;
      this.memory.keepUnsent(entry);
      if (isOnlyShown) return;
      this.timers.set(entry.client_id, setTimeout(() => this.giveUp(entry), CONFIRM_MS));
      this.$emit("send", { bot: entry.bot, text: entry.text, client_id: entry.client_id });
    },
    giveUp(entry) {
      this.timers.delete(entry.client_id);
      const error = this.isConnected ? "The server has not confirmed this message." : "Not sent: there is no connection.";
      this.keep(entry.bot, changed(this.threadOf(entry.bot), `c:${entry.client_id}`, { status: "unsent", error }));
    },
    settle(clientId) {
      if (!clientId) return;
      clearTimeout(this.timers.get(clientId));
      this.timers.delete(clientId);
      this.memory.forgetUnsent(clientId);
    },
    resendOutbox() {
      for (const entry of this.memory.outbox()) {
        if (this.roster[entry.bot]) this.dispatch(entry, nowS() - entry.at > RESEND_S);
        else this.memory.forgetUnsent(entry.client_id);
      }
    },

    // What is seen

    threadOf(name) {
      return this.threads[name] ?? emptyThread();
    },
    keep(name, thread) {
      this.threads[name] = Object.freeze(thread);
    },
    announce(name, message) {
      const title = this.roster[name]?.title ?? name;
      this.announcement = `${title}: ${message.excerpt}`;
      if (name !== this.chosen) this.unread[name] = (this.unread[name] ?? 0) + 1;
    },
    showNews(isOwn) {
      const { isAtEnd } = this;
      if (isAtEnd || isOwn) this.scrollSoon();
      else if (!isAwaited(this.thread)) this.hasNews = true;
    },
    scrollSoon() {
      this.isAtEnd = true;
      this.$nextTick(this.scrollToEnd);
    },
    scrollToEnd() {
      const box = this.$refs.scroll;
      if (!box) return;
      box.scrollTop = box.scrollHeight;
      this.isAtEnd = true;
      this.hasNews = false;
    },
    connected() {
      this.isConnected = true;
    },
    disconnected() {
      this.isConnected = false;
    },
  },
  template: `
    <div class="chat" :class="{ 'chat-list-shown': isListShown || !bot }">
      <a class="we-skip" href="#chat-main">Skip to the conversation</a>
      <nav class="chat-side" aria-label="Bots">
        <div class="chat-side-head we-brand"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#logo'"></use></svg><span>WhisperEngine</span></div>
        <div v-if="!botList.length" class="chat-empty" data-testid="no-bots"><h2>No bots yet</h2><p>An administrator adds them; they appear here by themselves.</p></div>
        <BotList :bots="botList" :selected="chosen" :last="latest" :unread="unread" :typing="awaited" :icons="icons" @select="select" />
        <div class="chat-me" data-testid="me">
          <span class="chat-me-text"><span class="chat-me-name">{{ me.name }}</span>
            <span v-if="me.is_guest" class="chat-badge" data-testid="guest-badge" title="Someone else holds this name. What you say is kept apart from theirs, for this browser.">Guest</span></span>
          <button type="button" class="we-icon-button" data-we="theme" title="Dark or light" aria-label="Dark or light"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#theme'"></use></svg></button>
          <button type="button" class="we-icon-button" data-we="sign-out" data-testid="sign-out" title="Sign out" aria-label="Sign out" @click="signOut"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#sign-out'"></use></svg></button>
        </div>
      </nav>
      <main class="chat-main" id="chat-main" tabindex="-1">
        <div v-if="!isConnected" class="chat-lost" role="status" data-testid="lost">Connection lost. Trying again… What you write is kept and goes out afterwards.</div>
        <div v-if="!bot" class="chat-empty chat-welcome"><h1>Hello, {{ me.name }}</h1><p>Choose somebody to talk to.</p></div>
        <template v-else>
          <header class="chat-head">
            <button type="button" class="we-icon-button chat-back" aria-label="Show all bots" data-testid="back" @click="isListShown = true">
              <svg class="we-icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M15 5l-7 7 7 7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg></button>
            <Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
            <div class="chat-head-text"><h1>{{ bot.title }}</h1><p class="chat-muted" :title="bot.description">{{ bot.description }}</p></div>
            <StatusMark :of="status" :icons="icons" data-testid="bot-status" />
          </header>
          <div ref="scroll" class="chat-scroll" tabindex="0" role="log" aria-live="off" :aria-label="'Conversation with ' + bot.title" :aria-busy="thread.isLoading" data-testid="thread" @scroll.passive="scrolled">
            <div class="chat-column">
              <div v-if="thread.error" class="chat-load-error" role="alert"><span>{{ thread.error }}</span>
                <button type="button" class="chat-action" data-testid="reload" @click="load(chosen)">Try again</button></div>
              <div v-else-if="!thread.isLoaded" class="chat-skeleton" aria-label="Loading"><div></div><div></div><div></div></div>
              <div v-else-if="!thread.messages.length" class="chat-empty" data-testid="empty">
                <Avatar class="chat-large" :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
                <h2>Say hello to {{ firstName }}</h2><p>{{ bot.description }}</p></div>
              <div v-else-if="thread.nextBefore !== null" class="chat-older" aria-hidden="true">{{ thread.isLoading ? 'Loading older messages…' : '' }}</div>
              <div v-else class="chat-begin">This is where your conversation with {{ bot.title }} began.</div>
              <MessageList :messages="thread.messages" :bot="bot" @retry="retry" @edit="edit" />
              <div v-if="awaited[bot.name]" class="chat-typing" data-testid="typing"><Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
                <span class="chat-dots" aria-hidden="true"><i></i><i></i><i></i></span><span>{{ firstName }} is typing…</span></div>
            </div>
          </div>
          <div class="chat-foot">
            <button v-if="hasNews" type="button" class="chat-news" data-testid="news" @click="scrollToEnd">New messages ↓</button>
            <div class="chat-column">
              <p v-if="bot.status === 'offline'" class="chat-notice" role="status" data-testid="offline-notice">{{ firstName }} is offline. What you write is kept, and you can retry it once {{ firstName }} is back.</p>
              <Composer ref="composer" :bot="bot" :memory="memory" :max-chars="maxChars" @send="send" />
            </div>
          </div>
        </template>
      </main>
      <div class="we-hidden" aria-live="polite" role="status" data-testid="announcement">{{ announcement }}</div>
    </div>`,
};
