// Where a message is written. The draft belongs to the bot and outlives the page.
import { Icon } from "we-icon";
import { SPEAKING, t } from "we-language";

const NEAR = 0.9;

/** Characters as the server counts them: code points, not UTF-16 units. */
const lengthOf = (text) => [...text].length;

export const Composer = {
  components: { Icon },
  mixins: [SPEAKING],
  props: { bot: Object, memory: Object, maxChars: Number, canStop: Boolean, isStopping: Boolean },
  emits: ["send", "stop"],
  data: () => ({ text: "" }),
  computed: {
    length() {
      return this.text.length < this.maxChars * NEAR ? this.text.length : lengthOf(this.text);
    },
    isTooLong() {
      return this.length > this.maxChars;
    },
    canSend() {
      return this.text.trim() !== "" && !this.isTooLong;
    },
    counter() {
      return this.length >= this.maxChars * NEAR ? `${this.length} / ${this.maxChars}` : "";
    },
    placeholder() {
      return t("Message {name}", { name: this.bot.title });
    },
  },
  watch: {
    "bot.name": {
      immediate: true,
      handler(name) {
        this.kept = this.memory.draft(name);
        this.set(this.kept);
      },
    },
    text(text) {
      this.memory.keepDraft(this.bot.name, text, this.kept);
      this.kept = text;
      this.$nextTick(this.fit);
    },
  },
  mounted() {
    this.fit();
    addEventListener("storage", this.hearStorage);
  },
  unmounted() {
    removeEventListener("storage", this.hearStorage);
  },
  methods: {
    set(text) {
      this.text = text;
      this.$nextTick(this.fit);
    },
    focus() {
      this.$refs.input.focus();
    },
    /** What was sent in another tab is no draft here; what is written here stays. */
    hearStorage({ key, oldValue, newValue }) {
      if (newValue === null && this.memory.isDraft(key, this.bot.name) && oldValue === this.text) this.set("");
    },
    fit() {
      const input = this.$refs.input;
      if (!input) return;
      input.style.height = "auto";
      input.style.height = `${input.scrollHeight + 2}px`;
    },
    keydown(event) {
      // Enter that ends the composing of a character (Japanese, Chinese …) sends nothing.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    },
    send() {
      if (!this.canSend) return;
      const text = this.text;
      this.text = "";
      this.$emit("send", text);
      this.focus();
    },
  },
  template: `
    <form class="chat-composer" @submit.prevent="send">
      <div class="chat-input-box" :class="{ 'chat-too-long': isTooLong }">
        <textarea ref="input" v-model="text" rows="1" dir="auto" enterkeyhint="send" :placeholder="placeholder" :aria-label="placeholder"
          aria-describedby="chat-hint" :aria-invalid="isTooLong" data-testid="composer" @keydown="keydown"></textarea>
        <button v-if="canStop" type="button" class="chat-send chat-stop" :disabled="isStopping" :aria-label="t('Stop the answer')" :title="isStopping ? t('Stopping…') : t('Stop the answer')" data-testid="stop" @click="$emit('stop')">
          <Icon name="stop" /></button>
        <button v-if="!canStop || text" type="submit" class="chat-send" :disabled="!canSend" :aria-label="t('Send')" :title="t('Send (Enter)')" data-testid="send">
          <Icon name="send" /></button>
      </div>
      <div class="chat-hint"><span id="chat-hint">{{ t("Enter to send, Shift+Enter for a new line") }}</span>
        <span v-if="counter" role="status" data-testid="counter" :class="{ 'chat-over': isTooLong }">{{ counter }}</span></div>
    </form>`,
};
