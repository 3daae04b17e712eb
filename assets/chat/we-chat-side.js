// The left side: the bots, and whose page it is.
import { Icon } from "we-icon";
import { LABELS } from "we-labels";
import { BotList } from "we-chat-bots";
import { StrandedList } from "we-chat-stranded";
import { SPEAKING, locale, t } from "we-language";

const GUEST = t("Someone else has this name. Your chats are separate from theirs and stay in this browser.");

export const Side = {
  mixins: [SPEAKING],
  components: { BotList, Icon, StrandedList },
  props: { me: Object, bots: Array, stranded: Array, selected: String, last: Object, unread: Object, typing: Object },
  emits: ["select", "sign-out"],
  data: () => ({ guest: GUEST, languages: LABELS.languages, language: locale().split("-")[0] }),
  template: `
    <nav class="chat-side" :aria-label="t('Bots')">
      <div class="chat-side-head we-brand"><Icon name="logo" /><span>WhisperEngine</span></div>
      <div v-if="!bots.length" class="chat-empty" data-testid="no-bots"><h2>{{ t("No bots yet") }}</h2><p>{{ t("Bots appear here as soon as an administrator adds them.") }}</p></div>
      <BotList :bots="bots" :selected="selected" :last="last" :unread="unread" :typing="typing" @select="$emit('select', $event)" />
      <StrandedList :of="stranded" :selected="selected" @select="$emit('select', $event)" />
      <div class="chat-me" data-testid="me">
        <span class="chat-me-text"><span class="chat-me-name">{{ me.name }}</span>
          <span v-if="me.is_guest" class="chat-badge" data-testid="guest-badge" :title="guest">{{ t("Guest") }}</span></span>
        <a class="we-icon-button" href="/memory" data-testid="memory" :title="t('What bots remember about you')" :aria-label="t('What bots remember about you')"><Icon name="memory" /></a>
        <span class="we-language" :title="t('Language')"><Icon name="language" />
          <select data-we="language" :aria-label="t('Language')" autocomplete="off">
            <option v-for="(name, code) in languages" :key="code" :value="code" :lang="code" :selected="code === language">{{ name }}</option>
          </select></span>
        <a v-if="!me.is_guest" class="we-icon-button" href="/keys" data-testid="keys" :title="t('API keys')" :aria-label="t('API keys')"><Icon name="key" /></a>
        <button type="button" class="we-icon-button" data-we="theme" :title="t('Dark or light')" :aria-label="t('Dark or light')"><Icon name="theme" /></button>
        <button type="button" class="we-icon-button" data-testid="sign-out" :title="t('Sign out')" :aria-label="t('Sign out')" @click="$emit('sign-out')"><Icon name="sign-out" /></button>
      </div>
    </nav>`,
};
