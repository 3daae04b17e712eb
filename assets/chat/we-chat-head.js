// What stands over a thread: who it is with, and where it begins.
import { Icon } from "we-icon";
import { Avatar } from "we-avatar";
import { publicStatus } from "we-chat-bots";
import { StatusMark } from "we-status";
import { SPEAKING } from "we-language";

export const ChatHead = {
  components: { Avatar, Icon, StatusMark },
  mixins: [SPEAKING],
  props: { bot: Object },
  emits: ["back"],
  methods: { publicStatus },
  template: `
    <header class="chat-head">
      <button type="button" class="we-icon-button chat-back" :aria-label="t('Show all bots')" data-testid="back" @click="$emit('back')">
        <Icon name="back" /></button>
      <Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
      <div class="chat-head-text"><h1>{{ bot.title }}</h1><p class="chat-muted" :title="bot.description">{{ bot.description }}</p></div>
      <StatusMark :of="publicStatus(bot.status)" data-testid="bot-status" />
    </header>`,
};

/** Before the first message that is there: a failure, a skeleton, an invitation, or what comes before. */
export const ThreadTop = {
  components: { Avatar },
  mixins: [SPEAKING],
  props: { thread: Object, bot: Object, firstName: String },
  emits: ["reload"],
  template: `
    <div v-if="thread.error" class="chat-load-error" role="alert"><span>{{ thread.error }}</span>
      <button type="button" class="chat-action" data-testid="reload" @click="$emit('reload')">{{ t("Try again") }}</button></div>
    <div v-else-if="!thread.isLoaded" class="chat-skeleton" :aria-label="t('Loading')"><div></div><div></div><div></div></div>
    <div v-else-if="!thread.messages.length" class="chat-empty" data-testid="empty">
      <Avatar class="chat-large" :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
      <h2>{{ t('Say hello to {name}', { name: firstName }) }}</h2><p>{{ bot.description }}</p></div>
    <div v-else-if="thread.nextBefore !== null" class="chat-older" aria-hidden="true">{{ thread.isLoading ? t('Loading older messages…') : '' }}</div>
    <div v-else class="chat-begin">{{ t('Start of your chat with {name}', { name: bot.title }) }}</div>`,
};
