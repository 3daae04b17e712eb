// What can be done with a message: a row of buttons, there only for the message that is pointed at or has the focus.
import { Icon } from "we-icon";
import { copyText } from "we-chat-memory";
import { SPEAKING, t } from "we-language";

const COPIED_MS = 1500;
const EMOJI = [
  ["👍", t("thumbs up")],
  ["❤️", t("heart")],
  ["😂", t("laughing")],
  ["😮", t("surprised")],
  ["😢", t("sad")],
];

export const MessageTools = {
  components: { Icon },
  mixins: [SPEAKING],
  props: { message: Object },
  emits: ["act", "edit"],
  data: () => ({ emoji: EMOJI, isCopied: false }),
  computed: {
    canChange() {
      return this.message.role === "user" && this.message.status !== "pending";
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    hasReaction(sign) {
      return this.message.reactions.includes(sign);
    },
    react(sign) {
      this.$emit("act", this.hasReaction(sign) ? "unreact" : "react", this.message, { emoji: sign });
    },
    async copy() {
      this.isCopied = await copyText(this.message.text);
      if (!this.isCopied) this.$emit("act", "notice", this.message, { text: t("Your browser blocked copying.") });
      this.timer = setTimeout(() => (this.isCopied = false), COPIED_MS);
    },
  },
  template: `
    <div class="chat-tools" role="toolbar" :aria-label="t('Message actions')" data-testid="tools">
      <button v-for="[sign, word] in emoji" :key="sign" type="button" class="chat-tool chat-emoji" :aria-pressed="hasReaction(sign)" :aria-label="t('React: {word}', { word })" :title="word" @click="react(sign)">{{ sign }}</button>
      <span class="chat-tool-gap"></span>
      <button type="button" class="chat-tool" :aria-label="isCopied ? t('Copied') : t('Copy text')" :title="isCopied ? t('Copied') : t('Copy text')" data-testid="copy" @click="copy"><Icon :name="isCopied ? 'done' : 'copy'" /></button>
      <button v-if="message.role === 'user'" type="button" class="chat-tool" :aria-label="t('Edit')" :title="t('Edit')" data-testid="edit-message" @click="$emit('edit')"><Icon name="edit" /></button>
      <button v-if="canChange" type="button" class="chat-tool" :aria-label="t('Delete')" :title="t('Delete')" data-testid="delete-message" @click="$emit('act', 'ask-delete', message)"><Icon name="delete" /></button>
    </div>`,
};
