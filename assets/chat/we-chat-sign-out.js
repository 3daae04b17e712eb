// Asks before somebody signs out who has written what was not sent.
import { SPEAKING } from "we-language";

export const SignOutDialog = {
  mixins: [SPEAKING],
  emits: ["sign-out"],
  data: () => ({ count: 0, isConnected: true }),
  methods: {
    open({ count, isConnected }) {
      Object.assign(this, { count, isConnected });
      this.$refs.dialog.showModal();
    },
    signOut(isKept) {
      this.$refs.dialog.close();
      this.$emit("sign-out", { isKept });
    },
  },
  template: `
    <dialog ref="dialog" class="we-dialog" aria-labelledby="chat-sign-out-title" data-testid="sign-out-dialog">
      <h2 id="chat-sign-out-title">{{ t("Keep your unsent text?") }}</h2>
      <p>{{ nt('{count} message or draft hasn’t been sent.', '{count} messages or drafts haven’t been sent.', count) }}</p>
      <p class="we-muted">{{ t("If you keep them, they stay in this browser. When you sign in here again, messages are sent and drafts are restored. No one else sees them in the chat.") }}</p>
      <div class="we-dialog-actions">
        <button type="button" class="we-button" data-testid="cancel-sign-out" @click="$refs.dialog.close()">{{ t("Cancel") }}</button>
        <button type="button" class="we-button we-danger" data-testid="discard-and-sign-out" @click="signOut(false)">{{ t("Discard and sign out") }}</button>
        <button type="button" class="we-button we-primary" autofocus data-testid="keep-and-sign-out" @click="signOut(true)">{{ t("Keep and sign out") }}</button>
      </div>
    </dialog>`,
};
