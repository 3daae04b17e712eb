// Texts that were never sent, to a bot that is not there any more: they stay until their author discards them.
import { Icon } from "we-icon";
import { copyText } from "we-chat-memory";
import { SPEAKING, locale, t } from "we-language";

const COPIED_MS = 1500;

/** A name as people write it: the bot's own title went with it. */
export const titleOf = (name) => name.replace(/[-_]+/g, " ").replace(/\b\w/g, (sign) => sign.toUpperCase());

export const Stranded = {
  components: { Icon },
  mixins: [SPEAKING],
  props: { of: Object },
  emits: ["discard", "discard-draft", "back", "notice"],
  data: () => ({ copied: null }),
  computed: {
    title() {
      return titleOf(this.of.name);
    },
    texts() {
      const draft = this.of.draft.trim() ? [{ key: "draft", text: this.of.draft, what: t("Draft") }] : [];
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
      if (!this.copied) this.$emit("notice", t("Your browser blocked copying."));
      this.timer = setTimeout(() => (this.copied = null), COPIED_MS);
    },
    discard({ entry }) {
      if (entry) this.$emit("discard", entry);
      else this.$emit("discard-draft");
    },
  },
  template: `
    <header class="chat-head">
      <button type="button" class="we-icon-button chat-back" :aria-label="t('Show all bots')" data-testid="back" @click="$emit('back')">
        <Icon name="back" /></button>
      <div class="chat-head-text"><h1>{{ title }}</h1><p class="chat-muted">{{ t("No longer available") }}</p></div>
    </header>
    <div class="chat-scroll" tabindex="0" data-testid="stranded"><div class="chat-column chat-stranded">
      <p class="chat-notice">{{ t('{name} is no longer available, so this was not sent. It stays here, in this browser only, until you discard it. If {name} comes back, messages are sent; drafts are not.', { name: title }) }}</p>
      <ul>
        <li v-for="one in texts" :key="one.key" class="chat-stranded-text" data-testid="stranded-text">
          <p class="chat-muted">{{ one.what }}</p>
          <div class="chat-plain" dir="auto">{{ one.text }}</div>
          <div class="chat-stranded-actions">
            <button type="button" class="we-button" data-testid="copy-text" @click="copy(one)">{{ copied === one.key ? t('Copied') : t('Copy') }}</button>
            <button type="button" class="we-button we-quiet" data-testid="discard-text" @click="discard(one)">{{ t("Discard") }}</button>
          </div>
        </li>
      </ul>
    </div></div>`,
};

const moment = (at) => new Date(at * 1000).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });

/** In the list of bots: those that are gone, with what was not sent to them. */
export const StrandedList = {
  mixins: [SPEAKING],
  props: { of: Array, selected: String },
  emits: ["select"],
  methods: {
    titleOf,
    count: ({ entries, draft }) => entries.length + (draft.trim() ? 1 : 0),
  },
  template: `
    <section v-if="of.length" class="chat-gone" aria-labelledby="chat-gone-title">
      <h2 id="chat-gone-title">{{ t("Not sent") }}</h2>
      <button v-for="one in of" :key="one.name" type="button" class="chat-bot" :aria-current="one.name === selected ? 'true' : undefined" :data-testid="'gone-' + one.name" @click="$emit('select', one.name)">
        <span class="chat-bot-text"><span class="chat-line"><span class="chat-bot-name">{{ titleOf(one.name) }}</span>
          <span class="chat-unread" :aria-label="t('{count} not sent', { count: count(one) })">{{ count(one) }}</span></span>
          <span class="chat-muted">{{ t("No longer available") }}</span></span>
      </button>
    </section>`,
};
