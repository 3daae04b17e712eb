// An own message being edited in its place. The text that is saved belongs to a version; when the message has changed
// meanwhile, the editor says so, shows what it says now, and saves over it only when asked again.
import { SPEAKING } from "we-language";

/** Characters as the server counts them: code points, not UTF-16 units. */
const lengthOf = (text) => [...text].length;

export const MessageEditor = {
  mixins: [SPEAKING],
  inject: ["memory"],
  props: { message: Object, maxChars: Number },
  emits: ["save", "done"],
  data() {
    // An edit that was not finished outlives the page.
    const { text, version } = this.memory.edit(this.message.id) ?? this.message;
    return { text, version, sent: null, problem: "" };
  },
  computed: {
    isTooLong() {
      return lengthOf(this.text) > this.maxChars;
    },
    canSave() {
      return this.text.trim() !== "" && !this.isTooLong && this.sent === null;
    },
    hasChanged() {
      return this.message.version !== this.version;
    },
  },
  watch: {
    "message.version"() {
      if (this.message.text === this.sent) this.done();
      else this.sent = null;
    },
    "message.refusal"(refusal) {
      if (!refusal) return;
      this.sent = null;
      this.problem = this.hasChanged ? "" : refusal.error;
    },
    text() {
      this.keep();
      this.$nextTick(this.fit);
    },
  },
  mounted() {
    this.fit();
    this.$refs.input.focus({ preventScroll: this.memory.edit(this.message.id) !== null });
    this.$refs.input.setSelectionRange(this.text.length, this.text.length);
  },
  methods: {
    keep() {
      this.memory.keepEdit(this.message.id, { text: this.text, version: this.version });
    },
    done() {
      this.memory.keepEdit(this.message.id, null);
      this.$emit("done");
    },
    fit() {
      const input = this.$refs.input;
      if (!input) return;
      input.style.height = "auto";
      input.style.height = `${input.scrollHeight + 2}px`;
    },
    keydown(event) {
      if (event.isComposing) return;
      if (event.key === "Escape") this.done();
      else if (event.key === "Enter" && !event.shiftKey) this.save();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    save() {
      if (!this.canSave) return;
      if (this.text === this.message.text) return this.done();
      this.problem = "";
      this.version = this.message.version;
      this.sent = this.text;
      this.$emit("save", { text: this.text, version: this.version });
    },
  },
  template: `
    <form class="chat-editor" data-testid="editor" @submit.prevent="save">
      <div v-if="hasChanged" class="chat-conflict" role="alert" data-testid="conflict">
        <span>{{ t("This message was changed elsewhere. It now says:") }}</span>
        <blockquote class="chat-quote" dir="auto">{{ message.text }}</blockquote>
        <span>{{ t("Saving replaces that.") }}</span></div>
      <textarea ref="input" v-model="text" rows="1" dir="auto" :aria-label="t('Edit your message')" aria-describedby="chat-editor-hint" :aria-invalid="isTooLong" data-testid="editor-text" @keydown="keydown"></textarea>
      <div class="chat-editor-foot">
        <span id="chat-editor-hint" class="chat-muted" :class="{ 'chat-over': isTooLong || problem }" :role="problem ? 'alert' : undefined">{{ problem || (isTooLong ? t('At most {count} characters', { count: maxChars }) : t('Enter to save, Esc to cancel')) }}</span>
        <button type="button" class="we-button we-quiet" data-testid="cancel-edit" @click="done">{{ t("Cancel") }}</button>
        <button type="submit" class="we-button we-primary" :disabled="!canSave" data-testid="save-edit">{{ sent === null ? t('Save') : t('Saving…') }}</button>
      </div>
    </form>`,
};
