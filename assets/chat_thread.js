// The chat page: bots, the thread of one of them, and the composer. Its parts, by what they are about, are in
// assets/chat/we-chat-thread-*.js; what the server calls is in we-chat-thread-news.js.
import { Avatar } from "we-avatar";
import { Composer } from "we-chat-composer";
import { DeleteDialog } from "we-chat-delete";
import { ChatHead, ThreadTop } from "we-chat-head";
import { MessageList } from "we-chat-list";
import { Memory } from "we-chat-memory";
import { Side } from "we-chat-side";
import { PasswordlessDialog } from "we-chat-passwordless";
import { SignOutDialog } from "we-chat-sign-out";
import { Stranded } from "we-chat-stranded";
import { answering, emptyThread, streaming } from "we-chat-store";
import { marks } from "we-chat-thread-marks";
import { news } from "we-chat-thread-news";
import { questions } from "we-chat-thread-questions";
import { outbox } from "we-chat-thread-outbox";
import { connection } from "we-chat-thread-connection";
import { scroll } from "we-chat-thread-scroll";
import { SPEAKING } from "we-language";

const NOTICE_MS = 6_000;

const addressOf = (name) => `?bot=${encodeURIComponent(name)}`;

export default {
  components: {
    Avatar,
    ChatHead,
    Composer,
    DeleteDialog,
    MessageList,
    Side,
    PasswordlessDialog,
    SignOutDialog,
    Stranded,
    ThreadTop,
  },
  mixins: [SPEAKING, connection, marks, news, outbox, questions, scroll],
  props: { bots: String, start: String, selected: String },
  emits: ["ask"],
  data() {
    const { me, max_chars, overview } = JSON.parse(this.start);
    this.memory = new Memory(me.id, (is) => (this.isStorageFailing = is));
    return {
      me,
      maxChars: max_chars,
      roster: Object.fromEntries(JSON.parse(this.bots).map((bot) => [bot.name, bot])),
      chosen: this.selected ?? null,
      isListShown: !this.selected,
      threads: {},
      latest: Object.fromEntries(Object.entries(overview).map(([name, { last }]) => [name, last])),
      stopping: null,
      notice: "",
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
      const isAwaited = (name) => {
        const thread = this.threads[name];
        return thread?.isLoaded ? answering(thread) !== null : this.latest[name]?.status === "pending";
      };
      return Object.fromEntries(
        Object.keys(this.roster)
          .filter(isAwaited)
          .map((name) => [name, true]),
      );
    },
    answered() {
      return answering(this.thread);
    },
    isTyping() {
      return this.answered !== null && streaming(this.thread) === null;
    },
    /** What was not sent to the bot that is chosen and gone. */
    left() {
      return this.bot ? null : (this.stranded.find(({ name }) => name === this.chosen) ?? null);
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
    notice(text) {
      clearTimeout(this.noticing);
      if (text) this.noticing = setTimeout(() => (this.notice = ""), NOTICE_MS);
    },
  },
  provide() {
    return { memory: this.memory };
  },
  mounted() {
    addEventListener("popstate", this.follow);
  },
  unmounted() {
    removeEventListener("popstate", this.follow);
    clearTimeout(this.noticing);
  },
  methods: {
    threadOf(name) {
      return this.threads[name] ?? emptyThread();
    },
    keep(name, thread) {
      this.threads[name] = Object.freeze(thread);
    },
    updateBots({ bots, names }) {
      for (const bot of bots) this.roster[bot.name] = bot;
      this.roster = Object.fromEntries(
        names.filter((name) => this.roster[name]).map((name) => [name, this.roster[name]]),
      );
      for (const name of names) this.pump(name);
    },
    /** The page is connected for the first time: be where this tab was before it was loaded anew. */
    begin() {
      const place = this.memory.place();
      if (place && !this.urlBot() && this.roster[place.bot]) this.chosen = place.bot;
      if (!this.bot && this.stranded.some(({ name }) => name === this.urlBot())) this.chosen = this.urlBot();
      const isBack = place?.bot === this.chosen;
      this.isListShown = isBack ? place.isListShown : !this.chosen;
      if (this.chosen) history.replaceState(history.state, "", addressOf(this.chosen));
      if (this.bot) this.open(this.chosen, isBack ? place : null);
      this.resendOutbox();
    },
    urlBot() {
      return new URLSearchParams(location.search).get("bot");
    },
    select(name) {
      this.isListShown = false;
      if (name !== this.chosen) history.pushState(null, "", addressOf(name));
      this.open(name);
    },
    follow() {
      const name = this.urlBot();
      const isKnown = Boolean(this.roster[name]) || this.stranded.some((one) => one.name === name);
      this.isListShown = !isKnown;
      if (isKnown) this.open(name);
    },
    /** `place`: where in it one was. */
    open(name, place = null) {
      this.chosen = name;
      this.isAtEnd = true;
      this.hasNews = false;
      this.returnTo(place);
      if (!this.roster[name]) return;
      const thread = this.threadOf(name);
      if (!thread.isLoaded && !thread.isLoading) this.load(name);
      this.$nextTick(() => {
        this.watchSize();
        this.scrollToEnd();
        // On a touch screen this would open the keyboard over the thread.
        if (matchMedia("(pointer: fine)").matches) this.focusComposer();
      });
    },
    load(name) {
      this.keep(name, { ...this.threadOf(name), isLoading: true, error: "" });
      this.ask("open", { bot: name });
    },
    stop() {
      this.stopping = this.answered.id;
      this.ask("stop", { bot: this.chosen, message_id: this.answered.id });
    },
    refuseStop(error) {
      this.stopping = null;
      this.notice = error;
    },
    /** What is asked for at a message. */
    act(what, message, about = {}) {
      if (what === "retry") this.retry(message);
      else if (what === "take-back") this.takeBack(message);
      else if (what === "discard") this.discard(message);
      else if (what === "show") this.showMessage(about.key);
      else if (what === "ask-delete") this.$refs.deleting.open(message);
      else if (what === "notice") this.notice = about.text;
      else this.ask(what, { bot: this.chosen, message_id: message.id, ...about });
    },
    showMessage(key) {
      const box = this.$refs.scroll;
      const item = box.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!item) return;
      // Not by scrollIntoView, which moves everything around the thread, too.
      box.scrollTop +=
        item.getBoundingClientRect().top - box.getBoundingClientRect().top - (box.clientHeight - item.offsetHeight) / 2;
      item.focus({ preventScroll: true });
    },
    focusComposer() {
      this.$refs.composer?.focus();
    },
    askSignOut() {
      const count = this.memory.countUnsent();
      if (!this.me.has_password) this.$refs.passwordless.open({ count });
      else if (count) this.$refs.leaving.open({ count });
      else this.leave({ isKept: false });
    },
    leave({ isKept }) {
      if (!isKept) this.memory.clear();
      window.signOut(); // the frame's script
    },
  },
  template: `
    <div class="chat" :class="{ 'chat-list-shown': isListShown || (!bot && !left) }">
      <a class="we-skip" href="#chat-main">{{ t("Skip to the conversation") }}</a>
      <Side :me="me" :bots="botList" :stranded="stranded" :selected="chosen" :last="latest" :unread="unread" :typing="awaited" @select="select" @sign-out="askSignOut" />
      <main class="chat-main" id="chat-main" tabindex="-1">
        <div v-if="!isConnected" class="chat-lost" role="status" data-testid="lost">{{ t("You're offline. Messages will be sent when you reconnect.") }}</div>
        <Stranded v-if="left" :of="left" @discard="discard($event, left.name)" @discard-draft="discardDraft(left.name)" @back="isListShown = true" @notice="notice = $event" />
        <div v-else-if="!bot" class="chat-empty chat-welcome"><h1>{{ t('Hello, {name}', { name: me.name }) }}</h1><p>{{ t('Who would you like to talk to?') }}</p></div>
        <template v-else>
          <ChatHead :bot="bot" @back="isListShown = true" />
          <div ref="scroll" class="chat-scroll" tabindex="0" :class="{ 'chat-returning': returning }" role="log" aria-live="off" :aria-label="t('Conversation with {name}', { name: bot.title })" :aria-busy="thread.isLoading" data-testid="thread" @scroll.passive="scrolled">
            <div class="chat-column">
              <ThreadTop :thread="thread" :bot="bot" :first-name="firstName" @reload="load(chosen)" />
              <MessageList :messages="thread.messages" :has-older="thread.nextBefore !== null" :in-flight="isConnected ? flights[chosen] : null" :bot="bot" :max-chars="maxChars" @act="act" @leave="focusComposer" />
              <div v-if="isTyping" class="chat-typing" data-testid="typing"><Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
                <span class="chat-dots" aria-hidden="true"><i></i><i></i><i></i></span><span>{{ t('{name} is typing…', { name: firstName }) }}</span></div>
            </div>
          </div>
          <div class="chat-foot">
            <button v-if="hasNews" type="button" class="chat-news" data-testid="news" @click="scrollToEnd">{{ t("New messages") }} ↓</button>
            <p v-if="notice" class="chat-toast" role="alert" data-testid="notice">{{ notice }}</p>
            <div class="chat-column">
              <p v-if="isStorageFailing" class="chat-notice chat-warning" role="alert" data-testid="storage-notice">{{ t("This browser can't save unsent text: its storage is full or blocked. Keep this page open until everything is sent.") }}</p>
              <p v-if="bot.status === 'offline'" class="chat-notice" role="status" data-testid="offline-notice">{{ t('{name} is offline. Your messages are kept, and you can retry them when {name} is back.', { name: firstName }) }}</p>
              <Composer ref="composer" :bot="bot" :memory="memory" :max-chars="maxChars" :can-stop="answered !== null" :is-stopping="answered !== null && stopping === answered.id" @send="send" @stop="stop" />
            </div>
          </div>
        </template>
      </main>
      <SignOutDialog ref="leaving" @sign-out="leave" />
      <PasswordlessDialog v-if="!me.has_password" ref="passwordless" :me="me" @sign-out="leave({ isKept: false })" />
      <DeleteDialog ref="deleting" :name="bot ? firstName : ''" @remove="act('delete', $event)" @closed="focusComposer" />
      <div class="we-hidden" aria-live="polite" role="status" data-testid="announcement">{{ announcement }}</div>
    </div>`,
};
