// Asks once before somebody without a password signs out: nobody can come back under the name then.
import { SPEAKING, t } from "we-language";

/** What the API says is wrong, without the name of the field: there is only one. */
function ruleOf({ message, field }) {
  if (!field) return message;
  const rule = message.slice(field.length + 2);
  return `${rule[0].toUpperCase()}${rule.slice(1)}.`;
}

export const PasswordlessDialog = {
  mixins: [SPEAKING],
  props: { me: Object },
  emits: ["sign-out"],
  data: () => ({ count: 0, password: "", error: "", isSaving: false }),
  methods: {
    /** `count`: how many texts were written and not sent. */
    open({ count }) {
      this.count = count;
      this.password = this.error = "";
      this.$refs.dialog.showModal();
    },
    leave() {
      this.$refs.dialog.close();
      this.$emit("sign-out");
    },
    /** Set a first password: the new session that comes with it takes this one's place, and the page is built for it. */
    async keep() {
      this.isSaving = true;
      this.error = "";
      try {
        const answer = await fetch("/api/login", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ username: this.me.username, password: this.password }),
        });
        if (answer.ok) return location.reload();
        const error = (await answer.json().catch(() => null))?.error;
        this.error = error ? ruleOf(error) : t("Couldn't save the password.");
      } catch {
        this.error = t("The server can't be reached. Try again.");
      }
      this.isSaving = false;
    },
  },
  template: `
    <dialog ref="dialog" class="we-dialog" aria-labelledby="chat-passwordless-title" data-testid="passwordless-dialog">
      <h2 id="chat-passwordless-title">{{ t("Sign out for good?") }}</h2>
      <p v-if="me.is_guest">{{ t("You're a guest. Once you sign out, no one can open these conversations again, not even you.") }}</p>
      <p v-if="count" data-testid="passwordless-unsent">{{ nt("{count} unsent message or draft will be discarded.", "{count} unsent messages or drafts will be discarded.", count) }}</p>
      <template v-if="!me.is_guest">
        <p>{{ t("{name} has no password. Once you sign out, no one can sign in with this name again, not even you. Set a password to keep your conversations.", { name: me.username }) }}</p>
        <form class="chat-keep" @submit.prevent="keep">
          <input type="text" class="we-hidden" autocomplete="username" :value="me.username" readonly tabindex="-1" aria-hidden="true">
          <label class="we-field"><span>{{ t("Password") }} <small class="we-muted">{{ t("at least 8 characters") }}</small></span>
            <input v-model="password" type="password" autocomplete="new-password" minlength="8" maxlength="200" required data-testid="new-password"></label>
          <p class="we-form-error" role="alert" data-testid="passwordless-error">{{ error }}</p>
          <button type="submit" class="we-button we-primary" :disabled="isSaving" data-testid="set-password">{{ t("Set password") }}</button>
        </form>
      </template>
      <div class="we-dialog-actions">
        <button type="button" class="we-button" autofocus @click="$refs.dialog.close()">{{ t("Stay signed in") }}</button>
        <button type="button" class="we-button we-danger" data-testid="confirm-sign-out" @click="leave">{{ t("Sign out for good") }}</button>
      </div>
    </dialog>`,
};
