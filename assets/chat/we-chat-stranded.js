// Texts that were never sent, to a bot that is not there any more: they stay until their author discards them.
import { Icon } from "we-icon";
import { copyText } from "we-chat-memory";

const COPIED_MS = 1500;

/** A name as people write it: the bot's own title went with it. */
export const titleOf = (name) => name.replace(/[-_]+/g, " ").replace(/\b\w/g, (sign) => sign.toUpperCase());

export const Stranded = {
  components: { Icon },
  props: { of: Object },
  emits: ["discard", "discard-draft", "back", "notice"],
  data: () => ({ copied: null }),
  computed: {
    title() {
      return titleOf(this.of.name);
    },
    texts() {
      const draft = this.of.draft.trim() ? [{ key: "draft", text: this.of.draft, what: "Draft" }] : [];
      return [
        ...this.of.entries.map((entry) => ({ key: entry.client_id, text: entry.text, what: moment(entry.at), entry })),
        ...draft,
      ];
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    async copy({ key, text }) {
      clearTimeout(this.timer);
      this.copied = (await copyText(text)) ? key : null;
      if (!this.copied) this.$emit("notice", "Your browser blocked copying.");
      this.timer = setTimeout(() => (this.copied = null), COPIED_MS);
    },
    discard({ entry }) {
      if (entry) this.$emit("discard", entry);
      else this.$emit("discard-draft");
    },
  },
  template: `
    <header class="chat-head">
      <button type="button" class="we-icon-button chat-back" aria-label="Show all bots" data-testid="back" @click="$emit('back')">
        <Icon name="back" /></button>
      <div class="chat-head-text"><h1>{{ title }}</h1><p class="chat-muted">No longer available</p></div>
    </header>
    <div class="chat-scroll" tabindex="0" data-testid="stranded"><div class="chat-column chat-stranded">
      <p class="chat-notice">{{ title }} is no longer available, so this was not sent. It stays here, in this browser only, until you discard it. If {{ title }} comes back, messages are sent; drafts are not.</p>
      <ul>
        <li v-for="one in texts" :key="one.key" class="chat-stranded-text" data-testid="stranded-text">
          <p class="chat-muted">{{ one.what }}</p>
          <div class="chat-plain" dir="auto">{{ one.text }}</div>
          <div class="chat-stranded-actions">
            <button type="button" class="we-button" data-testid="copy-text" @click="copy(one)">{{ copied === one.key ? 'Copied' : 'Copy' }}</button>
            <button type="button" class="we-button we-quiet" data-testid="discard-text" @click="discard(one)">Discard</button>
          </div>
        </li>
      </ul>
    </div></div>`,
};

const moment = (at) => new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** In the list of bots: those that are gone, with what was not sent to them. */
export const StrandedList = {
  props: { of: Array, selected: String },
  emits: ["select"],
  methods: {
    titleOf,
    count: ({ entries, draft }) => entries.length + (draft.trim() ? 1 : 0),
  },
  template: `
    <section v-if="of.length" class="chat-gone" aria-labelledby="chat-gone-title">
      <h2 id="chat-gone-title">Not sent</h2>
      <button v-for="one in of" :key="one.name" type="button" class="chat-bot" :aria-current="one.name === selected ? 'true' : undefined" :data-testid="'gone-' + one.name" @click="$emit('select', one.name)">
        <span class="chat-bot-text"><span class="chat-line"><span class="chat-bot-name">{{ titleOf(one.name) }}</span>
          <span class="chat-unread" :aria-label="count(one) + ' not sent'">{{ count(one) }}</span></span>
          <span class="chat-muted">No longer available</span></span>
      </button>
    </section>`,
};
