// One bubble. `html` comes sanitised from the server (chat_api/services/rendering.py); nothing else is ever shown as HTML.
import { Avatar } from "we-avatar";
import { copyText } from "we-chat-memory";
import { keyOf } from "we-chat-store";

const COPIED_MS = 1500;

const ChatMessage = {
  components: { Avatar },
  props: { message: Object, isFirst: Boolean, isLatestOwn: Boolean, bot: Object },
  emits: ["retry", "edit"],
  computed: {
    isOwn() {
      return this.message.role === "user";
    },
    isFailed() {
      return ["failed", "interrupted", "unsent"].includes(this.message.status);
    },
    note() {
      if (this.message.status === "sending") return "Sending…";
      return this.isLatestOwn && !this.isFailed ? "Sent" : "";
    },
    time() {
      return new Date(this.message.at * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
    },
    exactly() {
      return new Date(this.message.at * 1000).toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
    },
  },
  mounted() {
    this.furnish();
  },
  updated() {
    this.furnish();
  },
  methods: {
    /** Give code blocks a copy button and wide tables a box to scroll in. Done once for each piece of new HTML. */
    furnish() {
      for (const block of this.$refs.body?.querySelectorAll("pre:not([data-furnished]), table:not([data-furnished])") ?? []) {
        block.dataset.furnished = "";
        const box = Object.assign(document.createElement("div"), { className: `chat-${block.localName}-box` });
        block.replaceWith(box);
        box.append(block);
        if (block.localName === "pre") box.prepend(this.codeHead(block));
        block.tabIndex = 0; // what scrolls must be reachable by keyboard
      }
    },
    codeHead(block) {
      const language = /language-(\S+)/.exec(block.firstElementChild?.className ?? "")?.[1] ?? "";
      const button = Object.assign(document.createElement("button"), { type: "button", className: "chat-copy", textContent: "Copy" });
      button.setAttribute("aria-label", "Copy code");
      button.addEventListener("click", async () => {
        button.textContent = (await copyText(block.textContent)) ? "Copied" : "Not copied";
        setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
      });
      const head = Object.assign(document.createElement("div"), { className: "chat-code-head" });
      head.append(Object.assign(document.createElement("span"), { textContent: language }), button);
      return head;
    },
  },
  template: `
    <li class="chat-message" :class="[isOwn ? 'chat-own' : 'chat-theirs', { 'chat-first': isFirst }]"
      data-testid="message" :data-role="message.role" :data-status="message.status">
      <Avatar v-if="!isOwn && isFirst" :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
      <div class="chat-bubble-column">
        <div v-if="!isOwn && isFirst" class="chat-author">{{ bot.title }}</div>
        <span v-else class="we-hidden">{{ isOwn ? 'You' : bot.title }}:</span>
        <div v-if="message.html !== null" ref="body" class="chat-bubble chat-markdown" dir="auto" v-html="message.html"></div>
        <div v-else class="chat-bubble chat-plain" dir="auto">{{ message.text }}</div>
        <div v-if="isFailed" class="chat-failure" role="group" aria-label="Not answered">
          <span class="chat-failure-text" data-testid="failure">{{ message.error }}</span>
          <button v-if="message.can_retry !== false" type="button" class="chat-action" data-testid="retry" @click="$emit('retry', message)">Retry</button>
          <button v-if="message.status === 'unsent'" type="button" class="chat-action" data-testid="edit" @click="$emit('edit', message)">Edit</button>
        </div>
        <div class="chat-meta"><time :title="exactly">{{ time }}</time><span v-if="note" data-testid="note"> · {{ note }}</span></div>
      </div>
    </li>`,
};

/** The list of bubbles of one conversation, with a line where a day begins. */
export const MessageList = {
  components: { ChatMessage },
  props: { messages: Array, bot: Object },
  emits: ["retry", "edit"],
  computed: {
    rows() {
      const latestOwn = this.messages.findLast((message) => message.role === "user");
      let before = null;
      return this.messages.map((message) => {
        const day = new Date(message.at * 1000).toDateString();
        const isNewDay = before?.day !== day;
        const isFirst = isNewDay || before.role !== message.role || message.at - before.at > 600;
        before = { day, role: message.role, at: message.at };
        return { message, isFirst, dayWord: isNewDay ? dayWord(message.at) : "", isLatestOwn: message === latestOwn };
      });
    },
  },
  methods: { keyOf },
  template: `
    <ol class="chat-messages">
      <template v-for="row in rows" :key="keyOf(row.message)">
        <li v-if="row.dayWord" class="chat-day"><span>{{ row.dayWord }}</span></li>
        <ChatMessage :message="row.message" :is-first="row.isFirst" :is-latest-own="row.isLatestOwn"
          :bot="bot" @retry="$emit('retry', $event)" @edit="$emit('edit', $event)" />
      </template>
    </ol>`,
};

function dayWord(at) {
  const day = new Date(at * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = day.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year });
}
