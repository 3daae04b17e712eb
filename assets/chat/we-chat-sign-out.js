// Asks before somebody signs out who has written what was not sent.

export const SignOutDialog = {
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
      <h2 id="chat-sign-out-title">Keep your unsent text?</h2>
      <p>{{ count === 1 ? 'One message or draft hasn’t' : count + ' messages or drafts haven’t' }} been sent.</p>
      <p class="we-muted">If you keep them, they stay in this browser. When you sign in here again, messages are sent and drafts are restored. No one else sees them in the chat.</p>
      <div class="we-dialog-actions">
        <button type="button" class="we-button" data-testid="cancel-sign-out" @click="$refs.dialog.close()">Cancel</button>
        <button type="button" class="we-button we-danger" data-testid="discard-and-sign-out" @click="signOut(false)">Discard and sign out</button>
        <button type="button" class="we-button we-primary" autofocus data-testid="keep-and-sign-out" @click="signOut(true)">Keep and sign out</button>
      </div>
    </dialog>`,
};
