// The list of bots: who there is, how they are, and what was last said.
import { Avatar } from "we-avatar";
import { StatusMark } from "we-status";
import { SPEAKING, locale, t } from "we-language";

const STATUS = {
  online: { label: t("Online"), tone: "ok", icon: "online" },
  busy: { label: t("Busy"), tone: "warn", icon: "starting" },
  offline: { label: t("Offline"), tone: "idle", icon: "offline" },
};

/** How a bot's public status looks. */
export const publicStatus = (status) => STATUS[status] ?? STATUS.offline;

/** "14:05" today, "Mon" this week, "3 May" before. */
export function shortTime(at) {
  const then = new Date(at * 1000);
  const days = (new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / 86400000;
  if (days <= 0) return then.toLocaleTimeString(locale(), { hour: "numeric", minute: "2-digit" });
  if (days < 6.5) return then.toLocaleDateString(locale(), { weekday: "short" });
  return then.toLocaleDateString(locale(), { day: "numeric", month: "short" });
}

export const BotList = {
  components: { Avatar, StatusMark },
  mixins: [SPEAKING],
  props: { bots: Array, selected: String, last: Object, unread: Object, typing: Object },
  emits: ["select"],
  methods: {
    publicStatus,
    shortTime,
    preview(bot) {
      const message = this.last[bot.name];
      if (this.typing[bot.name]) return t("typing…");
      if (!message) return bot.description || t("No messages yet");
      if (["failed", "interrupted", "unsent"].includes(message.status)) return t("Not answered: {excerpt}", message);
      return message.role === "user" ? t("You: {excerpt}", message) : message.excerpt;
    },
  },
  template: `
    <ul class="chat-bots">
      <li v-for="bot in bots" :key="bot.name">
        <button type="button" class="chat-bot" :aria-current="bot.name === selected ? 'true' : undefined"
          :data-testid="'bot-' + bot.name" :data-status="bot.status" :title="bot.description" @click="$emit('select', bot.name)">
          <Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
          <span class="chat-bot-text">
            <span class="chat-line"><span class="chat-bot-name">{{ bot.title }}</span>
              <time v-if="last[bot.name]" class="chat-muted">{{ shortTime(last[bot.name].at) }}</time></span>
            <span class="chat-line"><span class="chat-preview" :class="{ 'chat-typing-word': typing[bot.name] }">{{ preview(bot) }}</span>
              <span v-if="unread[bot.name]" class="chat-unread" :aria-label="t('{count} unread', { count: unread[bot.name] })">{{ unread[bot.name] > 99 ? '99+' : unread[bot.name] }}</span></span>
            <StatusMark :of="publicStatus(bot.status)" />
          </span>
        </button>
      </li>
    </ul>`,
};
