// One bot as a row of the table; a card where there is no room for a table.
import { Icon } from "we-icon";
import { whyNot } from "we-bot-actions";
import { botNote, isRestarting } from "we-bot-note";
import { Avatar } from "we-avatar";
import { COLUMNS } from "we-fleet-columns";
import { Heartbeats } from "we-heartbeats";
import { RestartProgress } from "we-restart";
import { StatusMark, botStatus, breakerStatus } from "we-status";
import { SPEAKING } from "we-language";

export const BotRow = {
  components: { Avatar, Heartbeats, Icon, RestartProgress, StatusMark },
  mixins: [SPEAKING],
  emits: ["act", "menu", "select"],
  props: {
    bot: Object,
    now: Number,
    columns: Array,
    titles: Object,
    faults: Object,
    isStale: Boolean,
    isAsking: Boolean,
    isSelected: Boolean,
    isSelectable: Boolean,
    mayRestart: Boolean,
    hasEngine: Boolean,
  },
  computed: {
    shown() {
      return botStatus(this.isStale ? "unknown" : this.bot.status);
    },
    breaker() {
      return this.isStale ? null : breakerStatus(this.bot.breaker);
    },
    isRestarting() {
      return isRestarting(this.bot);
    },
    note() {
      return botNote(this.bot, { now: this.now, isStale: this.isStale, titles: this.titles, faults: this.faults });
    },
    cells() {
      return this.columns
        .filter((key) => !COLUMNS[key].isFixed)
        .map((key) => ({
          key,
          label: COLUMNS[key].label,
          isNumber: COLUMNS[key].isNumber,
          ...COLUMNS[key].cell(this.bot, this.now, this.hasEngine),
        }));
    },
    whyNot() {
      return whyNot("restart", this.bot, this.hasEngine);
    },
    address() {
      return `/admin/bots/${encodeURIComponent(this.bot.name)}`;
    },
  },
  template: `
    <tr :data-testid="'bot-' + bot.name" :data-bot="bot.name" :data-status="isStale ? 'unknown' : bot.status"
      :class="{ 'we-stale': isStale, 'we-selected': isSelected }">
      <td v-if="isSelectable" class="we-cell-select"><input type="checkbox" class="we-check" :checked="isSelected" :aria-label="t('Select {name}', { name: bot.title })"
        @click="$emit('select', bot.name, $event)"></td>
      <th scope="row" class="we-cell-bot"><span class="we-bot"><Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
        <span class="we-two"><a class="we-row-link we-strong we-cut" :href="address" :title="bot.description || bot.title">{{ bot.title }}</a>
          <span class="we-muted we-cut">{{ bot.name }}<template v-if="bot.port"> :{{ bot.port }}</template></span></span></span>
      </th>
      <td class="we-cell-status">
        <span class="we-two"><span class="we-marks"><StatusMark :of="shown" />
            <StatusMark v-if="breaker" :of="breaker" :title="breaker.title" data-testid="breaker" /></span>
          <span class="we-note" :title="note" data-testid="note">{{ note }}</span></span>
      </td>
      <td class="we-cell-beats">
        <RestartProgress v-if="isRestarting" :restart="bot.restart" :now="now" />
        <Heartbeats v-else :beats="bot.beats" />
      </td>
      <td v-for="cell in cells" :key="cell.key" class="we-cell" :class="['we-cell-' + cell.key, cell.tone && 'we-ink-' + cell.tone, { 'we-number': cell.isNumber }]"
        :data-label="cell.label" :title="cell.title"><span class="we-cut">{{ cell.text }}</span></td>
      <td class="we-cell-actions">
        <span v-if="mayRestart" :title="whyNot || t('Restart')"><button class="we-icon-button" type="button" :disabled="whyNot !== '' || isAsking"
          :data-testid="'restart-' + bot.name" :aria-label="t('Restart {name}', { name: bot.title })" @click="$emit('act', 'restart', bot.name)">
          <Icon name="restart" /></button></span>
        <button class="we-icon-button" type="button" aria-haspopup="menu" :data-testid="'more-' + bot.name" :aria-label="t('More for {name}', { name: bot.title })"
          @click="$emit('menu', bot, $event.currentTarget)"><Icon name="more" /></button>
      </td>
    </tr>`,
};
