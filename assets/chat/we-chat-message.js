// One bubble. `html` comes sanitised from the server; nothing else is ever shown as HTML. An answer that is still being
// said is plain text, and becomes HTML in the same place.
import { Icon } from "we-icon";
import { Avatar } from "we-avatar";
import { MessageEditor } from "we-chat-editor";
import { furnish } from "we-chat-markdown";
import { MessageTools } from "we-chat-tools";
import { SPEAKING, locale, t } from "we-language";

const ENDINGS = {
  stopped: { word: t("Stopped"), icon: "stop", title: t("You stopped this answer here.") },
  truncated: { word: t("Cut off"), icon: "degraded", title: t("This answer was cut off here."), canRetry: true },
};

export const ChatMessage = {
  components: { Avatar, Icon, MessageEditor, MessageTools },
  mixins: [SPEAKING],
  inject: ["memory"],
  props: {
    message: Object,
    quote: Object,
    isWaiting: Boolean,
    isFirst: Boolean,
    isLatestOwn: Boolean,
    isActive: Boolean,
    isTabStop: Boolean,
    bot: Object,
    maxChars: Number,
  },
  emits: ["act"],
  data() {
    return { isEditing: this.message.role === "user" && this.memory.edit(this.message.id) !== null };
  },
  computed: {
    isOwn() {
      return this.message.role === "user";
    },
    isStored() {
      return this.message.seq !== null;
    },
    isFailed() {
      return ["failed", "interrupted", "unsent"].includes(this.message.status);
    },
    isSilent() {
      return this.message.ending === "silent";
    },
    ending() {
      return ENDINGS[this.message.ending] ?? null;
    },
    note() {
      if (this.message.status === "sending") return this.isWaiting ? t("Waiting to be sent") : t("Sending…");
      return this.isLatestOwn && !this.isFailed ? t("Sent") : "";
    },
    time() {
      return new Date(this.message.at * 1000).toLocaleTimeString(locale(), { hour: "numeric", minute: "2-digit" });
    },
    exactly() {
      return moment(this.message.at);
    },
    editedExactly() {
      return this.message.edited_at ? t("Edited {when}", { when: moment(this.message.edited_at) }) : "";
    },
  },
  mounted() {
    furnish(this.$refs.body);
  },
  updated() {
    furnish(this.$refs.body);
  },
  methods: {
    endEdit() {
      this.isEditing = false;
      this.$nextTick(() => this.$el.focus());
    },
  },
  template: `
    <li class="chat-message" :class="[isOwn ? 'chat-own' : 'chat-theirs', { 'chat-first': isFirst, 'chat-active': isActive }]"
      :tabindex="isTabStop ? 0 : -1" data-testid="message" :data-role="message.role" :data-status="message.status">
      <Avatar v-if="!isOwn && isFirst" :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
      <div class="chat-bubble-column">
        <div v-if="!isOwn && isFirst" class="chat-author">{{ bot.title }}</div>
        <span v-else class="we-hidden">{{ isOwn ? t('You') : bot.title }}:</span>
        <button v-if="quote" type="button" class="chat-reply" :disabled="!quote.key" data-testid="reply-to" @click="$emit('act', 'show', message, { key: quote.key })"><span class="we-hidden">{{ t("In reply to:") }} </span><span aria-hidden="true">↩ </span><span dir="auto">{{ quote.text }}</span></button>
        <MessageEditor v-if="isEditing" :message="message" :max-chars="maxChars" @save="$emit('act', 'edit', message, $event)" @done="endEdit" />
        <div v-else-if="isSilent" class="chat-silent" data-testid="silent">{{ t("{bot} chose not to answer.", { bot: bot.title }) }}</div>
        <div v-else-if="message.html !== null" ref="body" class="chat-bubble chat-markdown" dir="auto" v-html="message.html"></div>
        <div v-else class="chat-bubble chat-plain" dir="auto">{{ message.text }}</div>
        <div v-if="isFailed" class="chat-failure" :class="{ 'chat-calm': message.code === 'stopped' }" role="group" :aria-label="t('Not answered')">
          <span class="chat-failure-text" data-testid="failure">{{ message.error }}</span>
          <button v-if="message.can_retry !== false" type="button" class="chat-action" data-testid="retry" @click="$emit('act', 'retry', message)">{{ t("Retry") }}</button>
          <button v-if="message.status === 'unsent'" type="button" class="chat-action" data-testid="edit" @click="$emit('act', 'take-back', message)">{{ t("Edit") }}</button>
          <button v-if="message.status === 'unsent'" type="button" class="chat-action" data-testid="discard" @click="$emit('act', 'discard', message)">{{ t("Discard") }}</button>
        </div>
        <div class="chat-meta">
          <button v-for="emoji in message.reactions" :key="emoji" type="button" class="chat-reaction" :aria-label="t('Remove reaction {emoji}', { emoji })" :title="t('Remove reaction')" data-testid="reaction"
            @click="$emit('act', 'unreact', message, { emoji })">{{ emoji }}</button>
          <span v-if="ending" class="chat-ending" :class="'chat-ending-' + message.ending" :title="ending.title" data-testid="ending"><Icon :name="ending.icon" />{{ ending.word }}</span>
          <button v-if="ending?.canRetry" type="button" class="chat-link" data-testid="retry" @click="$emit('act', 'retry', message)">{{ t("Retry") }}</button>
          <template v-if="isWaiting">
            <button type="button" class="chat-link" data-testid="edit" @click="$emit('act', 'take-back', message)">{{ t("Edit") }}</button>
            <button type="button" class="chat-link" data-testid="discard" @click="$emit('act', 'discard', message)">{{ t("Discard") }}</button>
          </template>
          <span v-if="message.edited_at" class="chat-edited" :title="editedExactly" data-testid="edited">{{ t("Edited") }}</span>
          <span class="chat-when" :class="{ 'chat-when-shown': note }"><time :title="exactly">{{ time }}</time><span v-if="note" data-testid="note"> · {{ note }}</span></span>
          <MessageTools v-if="isActive && isStored && !isEditing" :message="message" @act="(...what) => $emit('act', ...what)" @edit="isEditing = true" />
        </div>
      </div>
    </li>`,
};

const moment = (at) => new Date(at * 1000).toLocaleString(locale(), { dateStyle: "full", timeStyle: "medium" });
