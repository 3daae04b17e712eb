// Asks once before a message is deleted.
import { SPEAKING } from "we-language";

export const DeleteDialog = {
  mixins: [SPEAKING],
  props: { name: String },
  emits: ["remove", "closed"],
  data: () => ({ message: null }),
  methods: {
    open(message) {
      this.message = message;
      this.$refs.dialog.showModal();
    },
    remove() {
      this.$emit("remove", this.message);
      this.$refs.dialog.close();
    },
    closed() {
      this.message = null;
      this.$emit("closed");
    },
  },
  template: `
    <dialog ref="dialog" class="we-dialog" aria-labelledby="chat-delete-title" data-testid="delete-dialog" @close="closed">
      <h2 id="chat-delete-title">{{ t("Delete this message?") }}</h2>
      <blockquote class="chat-quote" dir="auto">{{ message?.excerpt }}</blockquote>
      <p class="we-muted">{{ t("This can't be undone. {name}'s reply stays, and {name} may remember it.", { name }) }}</p>
      <div class="we-dialog-actions">
        <button type="button" class="we-button" @click="$refs.dialog.close()">{{ t("Cancel") }}</button>
        <button type="button" class="we-button we-danger" autofocus data-testid="confirm-delete" @click="remove">{{ t("Delete message") }}</button>
      </div>
    </dialog>`,
};
