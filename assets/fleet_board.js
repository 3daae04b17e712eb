// The Fleet page: banner, service cards and the live table of bots.
import { Icon } from "we-icon";
import { ACTIONS, BotMenu, ConfirmAction, offered, whyNot } from "we-bot-actions";
import { BotRow } from "we-bot-row";
import { CARD, COLUMNS, OPTIONAL, columnPx, fitting, widthOf } from "we-fleet-columns";
import { fleetFeed } from "we-fleet-feed";
import { fleetKeys } from "we-fleet-keys";
import { fleetSelection } from "we-fleet-selection";
import {
  GROUPS,
  chosenColumns,
  comparing,
  grouped,
  keepColumns,
  matches,
  readAddress,
  withFixed,
  writeAddress,
} from "we-fleet-view";
import { span } from "we-format";
import { ServiceCard } from "we-service";
import { BOT_STATUSES, StatusMark, botStatus, systemStatus } from "we-status";
import { windowed } from "we-window";
import { SPEAKING, ofPage, t } from "we-language";

const CARDS_BELOW_PX = 760;
const ROW_PX = 56;
const CARD_PX = 236;
const GROUP_PX = 37;
// That nothing is wrong with no bots is no good news.
const NOTHING = { label: t("Nothing to monitor"), tone: "idle", icon: "not_configured" };
const WELL = ["online", "maintenance"];

const ENTRY = '<code>{"name": "elena", "url": "http://localhost:9091"}</code>';
const SORTABLE = Object.entries(COLUMNS).filter(([, column]) => column.sort);

export default {
  components: { BotMenu, BotRow, ConfirmAction, Icon, ServiceCard, StatusMark },
  mixins: [SPEAKING, fleetFeed, windowed, fleetKeys, fleetSelection],
  props: { actions: Array, mayTry: Boolean, interval: Number },
  emits: ["ask", "act", "try", "resync"],
  data: () => ({
    ...readAddress(),
    chosen: chosenColumns(),
    widthPx: 1200,
    asking: null,
    ACTIONS,
    COLUMNS,
    ENTRY,
    GROUPS,
    OPTIONAL,
    SORTABLE,
  }),
  computed: {
    banner() {
      if (this.isConnected && !this.order.length && this.system.status === "healthy") {
        return { ...NOTHING, text: this.headline };
      }
      return this.isConnected
        ? { ...systemStatus(this.system.status), text: this.headline }
        : {
            label: t("Connection lost"),
            tone: "idle",
            icon: "unknown",
            text: t("Reconnecting. The figures below are the last known ones."),
          };
    },
    headline() {
      return ofPage(this.system.headline);
    },
    maySeeSettings() {
      return document.querySelector('.we-nav a[href="/admin/settings"]') !== null;
    },
    counts() {
      const counts = {};
      for (const bot of Object.values(this.bots)) {
        const status = this.statusOf(bot);
        counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    },
    problems() {
      return this.order.length - WELL.reduce((sum, status) => sum + (this.counts[status] ?? 0), 0);
    },
    choices() {
      const present = BOT_STATUSES.filter((status) => this.counts[status]).map((status) => [
        status,
        botStatus(status).label,
        this.counts[status],
      ]);
      return [["all", t("All"), this.order.length], ["problems", t("Needs attention"), this.problems], ...present];
    },
    visible() {
      const text = this.text.trim().toLowerCase();
      return this.order
        .map((name) => this.bots[name])
        .filter((bot) => this.isChosen(bot) && (!text || matches(bot, text)))
        .sort(comparing(this.sortKey, this.isDescending));
    },
    items() {
      return grouped(this.visible, this.group, {
        statusOf: this.statusOf,
        titles: this.serviceTitles,
        faults: this.serviceFaults,
      });
    },
    /** The bots as they follow each other on the screen. */
    names() {
      return this.items.filter((item) => item.bot).map((item) => item.key);
    },
    isCards() {
      return this.widthPx < CARDS_BELOW_PX;
    },
    columns() {
      if (this.isCards) return withFixed(this.chosen ?? CARD);
      return this.chosen === null ? fitting(this.widthPx) : withFixed(this.chosen);
    },
    isSelectable() {
      return this.actions.length > 0;
    },
    span() {
      return this.columns.length + (this.isSelectable ? 2 : 1);
    },
    bulk() {
      return Object.keys(ACTIONS)
        .filter((key) => this.actions.includes(key))
        .map((key) => ({ key, ...ACTIONS[key], names: this.able(key, this.marked) }));
    },
  },
  created() {
    this.$watch(
      () => ({
        status: this.status,
        text: this.text,
        sortKey: this.sortKey,
        isDescending: this.isDescending,
        group: this.group,
      }),
      writeAddress,
    );
  },
  mounted() {
    this.sizes = new ResizeObserver(([{ contentRect }]) => (this.widthPx = contentRect.width));
    this.sizes.observe(this.$el);
    this.widthPx = this.$el.clientWidth;
  },
  unmounted() {
    this.sizes.disconnect();
  },
  methods: {
    heightOf(item) {
      return item.bot ? (this.isCards ? CARD_PX : ROW_PX) : GROUP_PX;
    },
    isChosen(bot) {
      if (this.status === "all") return true;
      const status = this.statusOf(bot);
      return this.status === "problems" ? !WELL.includes(status) : status === this.status;
    },
    showAll() {
      this.text = "";
      this.status = "all";
    },
    sort(key) {
      this.isDescending = this.sortKey === key && !this.isDescending;
      this.sortKey = key;
    },
    ariaSort(key) {
      if (!COLUMNS[key].sort) return undefined;
      return key !== this.sortKey ? "none" : this.isDescending ? "descending" : "ascending";
    },
    columnPx,
    widthOf,
    // Columns
    toggleColumn(key) {
      const now = this.chosen ?? this.columns.filter((column) => OPTIONAL.includes(column));
      this.setColumns(now.includes(key) ? now.filter((column) => column !== key) : [...now, key]);
    },
    setColumns(keys) {
      this.chosen = keys;
      keepColumns(keys);
    },
    // Doing
    able(action, names) {
      return names.filter((name) => this.bots[name] && !whyNot(action, this.bots[name], this.hasEngine));
    },
    act(action, wanted) {
      const names = this.able(action, wanted);
      if (!names.length || !this.actions.includes(action)) return;
      if (ACTIONS[action].is_for_many) return this.$emit("act", { action, names }); // opens its own dialog
      this.ask(action, names, wanted.length - names.length);
    },
    ask(action, names, skipped = 0) {
      this.asking = { names, skipped };
      setTimeout(() => (this.asking = null), 3000); // an error is shown elsewhere
      this.$emit("ask", { action, names });
    },
    /** Called by the server with what the action would cost. */
    confirm(action, names, affectedUsers, estimateS) {
      const skipped = this.asking?.skipped ?? 0;
      this.asking = null;
      const bots = names.map((name) => this.bots[name]).filter(Boolean);
      const estimate = estimateS === null ? null : span(estimateS);
      if (bots.length) this.$refs.confirm.ask({ action, bots, skipped, affectedUsers, estimate });
    },
    confirmed(answer) {
      this.$emit("act", answer);
      if (answer.names.length > 1) this.selected = new Set();
    },
    menu(bot, opener) {
      const actions = offered(this.actions, bot).map((key) => [
        key,
        ACTIONS[key].label,
        ACTIONS[key].icon,
        whyNot(key, bot, this.hasEngine),
      ]);
      const tries = this.mayTry ? [["try", t("Send a test message"), "conversation", ""]] : [];
      this.$refs.menu.open(
        bot,
        [["open", t("Open"), "link", ""], ...actions, ["logs", t("Logs"), "logs", ""], ...tries],
        opener,
      );
    },
    choose(key, name) {
      if (key === "open") location.assign(`/admin/bots/${encodeURIComponent(name)}`);
      else if (key === "logs") location.assign(`/admin/logs?bots=${encodeURIComponent(name)}`);
      else if (key === "try") this.$emit("try", name);
      else this.act(key, [name]);
    },
  },
  template: `
    <div class="we-board" :data-seq="seq" :aria-busy="seq === null">
      <div v-if="seq === null" class="we-skeleton" data-testid="skeleton" role="status" :aria-label="t('Loading')">
        <div class="we-bone we-bone-banner"></div>
        <div class="we-cards"><div v-for="n in 4" :key="n" class="we-bone we-bone-card"></div></div>
        <div class="we-bone we-bone-table"></div>
      </div>
      <template v-else>
        <section class="we-banner" :class="'we-tone-' + banner.tone" role="status" data-testid="banner" :data-status="system.status">
          <StatusMark :of="banner" /><span class="we-headline">{{ banner.text }}</span>
          <button v-if="isConnected && problems && problems < order.length && status !== 'problems'" type="button" class="we-link" data-testid="show-problems"
            @click="text = ''; status = 'problems'">{{ nt('Show it', 'Show them', problems) }}</button>
        </section>
        <details v-if="system.problems.length" class="we-problems" data-testid="problems">
          <summary><Icon name="note" />
            {{ nt('{count} note on the fleet configuration', '{count} notes on the fleet configuration', system.problems.length) }}</summary>
          <ul><li v-for="problem in system.problems" :key="problem">{{ problem }}</li></ul>
        </details>
        <section class="we-cards" :aria-label="t('Services')">
          <h2 class="we-hidden">{{ t("Services") }}</h2>
          <ServiceCard v-for="service in dependencies" :key="service.name" :service="service" :now="now"
            :is-stale="!isConnected" />
        </section>
        <section v-if="!order.length" class="we-empty" data-testid="empty">
          <h2>{{ t("No bots yet") }}</h2>
          <p>{{ t("A bot appears here as soon as one of these describes it:") }}</p>
          <ul>
            <li v-html="t('a file {file} in the folder {folder}; the line {line} is enough', { file: '<code>.env.elena</code>', folder: '<code>BOTS_ENV_DIR</code>', line: '<code>HEALTH_CHECK_PORT=9091</code>' })"></li>
            <li v-html="t('an entry {entry} in the file that {setting} names', { entry: ENTRY, setting: '<code>BOTS_CONFIG</code>' })"></li>
            <li v-html="t('a container with the label {label}, if {setting} is set', { label: '<code>whisperengine.bot=elena</code>', setting: '<code>DOCKER_HOST</code>' })"></li>
          </ul>
          <p v-if="maySeeSettings" class="we-after"><a class="we-button" href="/admin/settings">{{ t("Open settings") }}</a></p>
        </section>
        <section v-else :aria-label="t('Bots')">
          <div class="we-toolbar">
            <label class="we-filter"><Icon name="search" />
              <input ref="search" v-model="text" type="search" :placeholder="t('Find a bot  ( / )')" :aria-label="t('Find a bot')" data-testid="filter"></label>
            <div class="we-chips" role="group" :aria-label="t('Status')">
              <button v-for="[value, label, count] in choices" :key="value" type="button" class="we-chip" :aria-pressed="status === value"
                :data-testid="'chip-' + value" @click="status = value">{{ label }} <span class="we-number">{{ count }}</span></button>
            </div>
            <div class="we-view">
              <select v-if="isCards" class="we-select" :aria-label="t('Sort by')" data-testid="sort" :value="sortKey" @change="sort($event.target.value)">
                <option v-for="[key, column] in SORTABLE" :key="key" :value="key">{{ column.label }}</option></select>
              <select v-model="group" class="we-select" :aria-label="t('Group by')" data-testid="group">
                <option v-for="(one, key) in GROUPS" :key="key" :value="key">{{ one.label }}</option></select>
              <button type="button" class="we-button we-quiet" data-testid="columns" @click="$refs.columns.showModal()">{{ t("Columns") }}</button>
            </div>
          </div>
          <div class="we-table-box" :class="{ 'we-windowed': isWindowed }" :tabindex="!isCards && chosen ? 0 : undefined"
            :role="!isCards && chosen ? 'region' : undefined" :aria-label="!isCards && chosen ? t('Bots') : undefined"><table class="we-table we-fleet" :class="{ 'we-as-cards': isCards }"
            :style="{ minWidth: isCards ? undefined : widthOf(columns) + 'px' }" :aria-rowcount="names.length + 1">
            <thead><tr>
              <th v-if="isSelectable" class="we-cell-select" scope="col"><input type="checkbox" class="we-check" :checked="isAllMarked" :aria-label="t('Select all')"
                data-testid="select-all" @click="selectAll"></th>
              <th v-for="key in columns" :key="key" scope="col" :class="['we-head-' + key, { 'we-number': COLUMNS[key].isNumber }]" :aria-sort="ariaSort(key)"
                :style="{ width: key === 'beats' ? undefined : columnPx(key, columns, widthPx) + 'px' }" :title="COLUMNS[key].title">
                <button v-if="COLUMNS[key].sort" type="button" class="we-sort" @click="sort(key)">{{ COLUMNS[key].label }}<span class="we-arrow" aria-hidden="true">{{
                  key === sortKey ? (isDescending ? '↓' : '↑') : '' }}</span></button>
                <template v-else>{{ COLUMNS[key].label }}</template></th>
              <th scope="col" class="we-head-actions"><span class="we-hidden">{{ t("Actions") }}</span></th>
            </tr></thead>
            <tbody ref="body" @focusin="focused">
              <tr v-if="spaceBefore" aria-hidden="true" class="we-space"><td :colspan="span" :style="{ height: spaceBefore + 'px' }"></td></tr>
              <template v-for="item in shownItems" :key="item.key">
                <BotRow v-if="item.bot" :bot="item.bot" :now="now" :columns="columns" :titles="serviceTitles" :faults="serviceFaults" :is-stale="isStale(item.bot)"
                  :is-asking="asking?.names.includes(item.key) ?? false" :is-selected="selected.has(item.key)" :is-selectable="isSelectable"
                  :may-restart="actions.includes('restart')" :has-engine="hasEngine" @act="(action, name) => act(action, [name])" @menu="menu" @select="select" />
                <tr v-else class="we-group" data-testid="group-row"><th :colspan="span" scope="rowgroup">
                  <input v-if="isSelectable" type="checkbox" class="we-check" :checked="item.names.every((name) => selected.has(name))"
                    :aria-label="t('Select {name}', { name: item.title })" @click="selectGroup(item.names)"><span class="we-cut">{{ item.title }}</span>
                  <span class="we-muted">{{ nt('{count} bot', '{count} bots', item.names.length) }}</span></th></tr>
              </template>
              <tr v-if="spaceAfter" aria-hidden="true" class="we-space"><td :colspan="span" :style="{ height: spaceAfter + 'px' }"></td></tr>
              <tr v-if="!visible.length" class="we-none"><td :colspan="span">{{ t("No matching bots.") }}
                <button type="button" class="we-link" @click="showAll">{{ t("Show all") }}</button></td></tr>
            </tbody>
          </table></div>
        </section>
        <section v-for="group in partGroups" :key="group.key" class="we-parts" :aria-label="group.title" :data-testid="'parts-' + group.key">
          <h2 class="we-h2">{{ group.title }} <span class="we-muted">{{ group.parts.length }}</span></h2>
          <div class="we-cards"><ServiceCard v-for="part in group.parts" :key="part.name" :service="part" :now="now" :is-stale="!isConnected" /></div>
        </section>
        <div v-if="marked.length" class="we-bulk" role="toolbar" :aria-label="t('Selected bots')" data-testid="bulk">
          <span class="we-strong">{{ nt('{count} selected', '{count} selected', marked.length) }}</span>
          <button v-for="one in bulk" :key="one.key" type="button" class="we-button we-quiet" :disabled="!one.names.length"
            :title="one.names.length ? '' : t('Not available for the selected bots')" :data-testid="'bulk-' + one.key" @click="act(one.key, marked)">
            <Icon :name="one.icon" /><span>{{ one.label }}</span></button>
          <button type="button" class="we-link" data-testid="bulk-clear" @click="selected = new Set()">{{ t("Clear") }}</button>
        </div>
        <dialog ref="columns" class="we-dialog we-columns" aria-labelledby="columns-title" data-testid="column-choice">
          <h2 id="columns-title">{{ t("Columns") }}</h2>
          <p class="we-muted">{{ t("Saved in this browser. Auto shows as many as fit.") }}</p>
          <div class="we-columns-list"><label v-for="key in OPTIONAL" :key="key"><input type="checkbox" class="we-check" :checked="columns.includes(key)"
            :data-testid="'column-' + key" @change="toggleColumn(key)"> {{ COLUMNS[key].label }} <span class="we-muted">{{ COLUMNS[key].title }}</span></label></div>
          <div class="we-dialog-actions">
            <button class="we-button" type="button" data-testid="columns-auto" :disabled="chosen === null" @click="setColumns(null)">{{ t("Auto") }}</button>
            <button class="we-button we-primary" type="button" data-testid="columns-done" @click="$refs.columns.close()" autofocus>{{ t("Done") }}</button>
          </div>
        </dialog>
        <BotMenu ref="menu" @chosen="choose" />
        <ConfirmAction ref="confirm" @confirmed="confirmed" />
      </template>
    </div>`,
};
