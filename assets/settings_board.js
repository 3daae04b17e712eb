// The Settings page: announcement, maintenance, feature switches, and every setting with where it comes from.
//
// The server sends all of it when the page is built and whenever something changes, whoever changed it.
import { ago, exactly } from "we-format";

const TONES = [
  ["info", "Information"],
  ["success", "Good news"],
  ["warning", "Warning"],
];
const SOURCES = {
  here: { tone: "busy", icon: "edit" },
  environment: { tone: "ok", icon: "system" },
  default: { tone: "idle", icon: "note" },
};

/** What a datetime-local field shows for Unix seconds, in the reader's time zone. */
function fieldTime(at) {
  if (!at) return "";
  const date = new Date(at * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function secondsOf(text) {
  return text ? new Date(text).getTime() / 1000 : null;
}

export default {
  props: { icons: String, mayManage: Boolean, start: String, maxChars: Number },
  emits: ["change"],
  data() {
    const told = JSON.parse(this.start);
    return {
      told,
      draft: this.draftOf(told.announcement),
      maintenanceText: told.maintenance.text,
      affected: null,
      text: "",
      only: "all",
      editing: null,
      value: "",
      errors: {},
      now: Date.now() / 1000,
      tones: TONES,
    };
  },
  computed: {
    choices() {
      const settings = this.told.settings;
      const count = (test) => settings.filter(test).length;
      return [
        ["all", "All", settings.length],
        ["changeable", "Can be set here", count((one) => one.effect !== "environment only")],
        ["here", "Set here", count((one) => one.source === "here")],
        ["environment", "From the environment", count((one) => one.source === "environment")],
        ["waiting", "Waiting for a restart", count((one) => one.waiting !== null)],
      ];
    },
    visible() {
      const text = this.text.trim().toLowerCase();
      const tests = {
        all: () => true,
        changeable: (one) => one.effect !== "environment only",
        waiting: (one) => one.waiting !== null,
      };
      const test = tests[this.only] ?? ((one) => one.source === this.only);
      return this.told.settings
        .filter(test)
        .filter(
          (one) => !text || one.name.includes(text.replaceAll(" ", "_")) || one.meaning.toLowerCase().includes(text),
        );
    },
    announcementState() {
      const said = this.told.announcement;
      if (!said.text) return { tone: "idle", icon: "paused", word: "off" };
      if (said.starts_at && said.starts_at > this.now) return { tone: "busy", icon: "starting", word: "not yet shown" };
      if (said.ends_at && said.ends_at <= this.now) return { tone: "idle", icon: "paused", word: "over" };
      return { tone: "ok", icon: "online", word: "shown now" };
    },
  },
  mounted() {
    this.timer = setInterval(() => (this.now = Date.now() / 1000), 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  methods: {
    ago,
    exactly,
    source: (name) => SOURCES[name],
    draftOf: (said) => ({
      text: said.text,
      tone: said.tone,
      starts: fieldTime(said.starts_at),
      ends: fieldTime(said.ends_at),
    }),
    /** Called by the server: everything as it is now. What somebody is typing stays. */
    show(told) {
      const before = this.told;
      this.told = told;
      if (JSON.stringify(before.announcement) !== JSON.stringify(told.announcement)) {
        this.draft = this.draftOf(told.announcement);
      }
      if (before.maintenance.is_on !== told.maintenance.is_on) this.maintenanceText = told.maintenance.text;
    },
    /** Called by the server: what came of a change; without an error the field closes. */
    answered(what, error) {
      this.errors = { ...this.errors, [what]: error };
      if (!error && this.editing === what) this.close(what);
    },
    /** Called by the server: how many people the maintenance would meet right now. */
    confirmMaintenance(affected) {
      this.affected = affected;
      this.$refs.confirm.showModal();
    },
    ask(what, about = {}) {
      this.$emit("change", { what, ...about });
    },
    announce() {
      this.ask("announce", {
        text: this.draft.text,
        tone: this.draft.tone,
        starts_at: secondsOf(this.draft.starts),
        ends_at: secondsOf(this.draft.ends),
      });
    },
    takeBack() {
      this.draft = { ...this.draft, text: "", starts: "", ends: "" };
      this.ask("announce", { text: "" });
    },
    begin() {
      this.$refs.confirm.close();
      this.ask("maintain", { is_on: true, text: this.maintenanceText });
    },
    edit(setting) {
      this.editing = setting.name;
      this.value = setting.here ?? setting.waiting ?? setting.value;
      this.errors = { ...this.errors, [setting.name]: "" };
      this.$nextTick(() => this.$refs.field?.[0]?.select());
    },
    close(name) {
      this.editing = null;
      this.$nextTick(() => document.querySelector(`[data-testid="edit-${name}"]`)?.focus());
    },
    save(setting) {
      this.ask("set", { name: setting.name, value: String(this.value) });
    },
  },
  template: `
    <div class="we-board we-settings" data-testid="settings">
      <section v-if="told.ignored.length" class="we-panel" data-testid="ignored"><h2>Ignored <span class="we-status we-status-warn">
          <svg class="we-icon" aria-hidden="true"><use :href="icons + '#alert'"></use></svg><span>{{ told.ignored.length }}</span></span></h2>
        <p class="we-muted">This version cannot use these rows of the database, so they have no effect. Set the values again, or delete the rows.</p>
        <ul class="we-ignored"><li v-for="one in told.ignored" :key="one">{{ one }}</li></ul>
      </section>
      <div class="we-panels">
        <section class="we-panel"><h2>Announcement <span class="we-status" :class="'we-status-' + announcementState.tone" data-testid="announcement-state">
            <svg class="we-icon" aria-hidden="true"><use :href="icons + '#' + announcementState.icon"></use></svg><span>{{ announcementState.word }}</span></span></h2>
          <p class="we-muted">Plain text at the top of every page, including open ones and sign-in.</p>
          <form class="we-form" @submit.prevent="announce">
            <label class="we-field"><span>Text</span><textarea v-model="draft.text" rows="2" :maxlength="maxChars" :disabled="!mayManage" data-testid="announcement-text"
              placeholder="What should everyone know?"></textarea></label>
            <div class="we-row">
              <label class="we-field"><span>Tone</span><select v-model="draft.tone" :disabled="!mayManage"><option v-for="[value, word] in tones" :key="value" :value="value">{{ word }}</option></select></label>
              <label class="we-field"><span>From <small class="we-muted">optional</small></span><input v-model="draft.starts" type="datetime-local" :disabled="!mayManage"></label>
              <label class="we-field"><span>Until <small class="we-muted">optional</small></span><input v-model="draft.ends" type="datetime-local" :disabled="!mayManage"></label>
            </div>
            <p class="we-form-error" role="alert">{{ errors.announce }}</p>
            <div v-if="mayManage" class="we-form-actions">
              <button type="submit" class="we-button we-primary" :disabled="!draft.text.trim()" data-testid="announce">Announce</button>
              <button v-if="told.announcement.text" type="button" class="we-button" data-testid="take-back" @click="takeBack">Remove</button></div>
          </form>
        </section>

        <section class="we-panel"><h2>Maintenance mode <span class="we-status" :class="told.maintenance.is_on ? 'we-status-violet' : 'we-status-ok'" data-testid="maintenance-state">
            <svg class="we-icon" aria-hidden="true"><use :href="icons + (told.maintenance.is_on ? '#maintenance' : '#online')"></use></svg>
            <span>{{ told.maintenance.is_on ? 'on' : 'off' }}</span></span></h2>
          <p class="we-muted">The chat accepts no new messages and says why. People can still read everything, and the console keeps working.</p>
          <label class="we-field"><span>Message to people</span><textarea v-model="maintenanceText" rows="2" :maxlength="maxChars" :disabled="!mayManage || told.maintenance.is_on"
            data-testid="maintenance-text" placeholder="Optional. A default message is used."></textarea></label>
          <p class="we-form-error" role="alert">{{ errors.maintain }}</p>
          <p v-if="told.maintenance.is_on" class="we-muted">Since <span :title="exactly(told.maintenance.changed_at)">{{ ago(told.maintenance.changed_at, now) }}</span>, by {{ told.maintenance.changed_by }}.</p>
          <div v-if="mayManage" class="we-form-actions">
            <button v-if="told.maintenance.is_on" type="button" class="we-button we-primary" data-testid="end-maintenance" @click="ask('maintain', { is_on: false })">End maintenance</button>
            <button v-else type="button" class="we-button we-danger" data-testid="begin-maintenance" @click="ask('ask-maintenance')">Begin maintenance…</button></div>
        </section>

        <section class="we-panel we-wide"><h2>Features</h2>
          <ul class="we-switches"><li v-for="one in told.features" :key="one.feature">
            <label class="we-switch"><input type="checkbox" role="switch" :checked="one.is_on" :disabled="!mayManage" :data-testid="'feature-' + one.feature"
              @change="ask('switch', { name: one.feature, is_on: $event.target.checked })">
              <span class="we-strong">{{ one.feature.replaceAll('_', ' ') }}</span><span class="we-status" :class="one.is_on ? 'we-status-ok' : 'we-status-warn'">{{ one.is_on ? 'on' : 'off' }}</span></label>
            <p class="we-muted">{{ one.meaning }}<template v-if="one.changed_by"> Last switched by {{ one.changed_by }}, <span :title="exactly(one.changed_at)">{{ ago(one.changed_at, now) }}</span>.</template></p>
          </li></ul>
        </section>
      </div>

      <section aria-label="All settings" class="we-all-settings">
        <div class="we-toolbar">
          <label class="we-filter"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#search'"></use></svg>
            <input v-model="text" type="search" placeholder="Find a setting" aria-label="Find a setting" data-testid="find-setting"></label>
          <div class="we-chips" role="group" aria-label="Which settings">
            <button v-for="[key, label, count] in choices" :key="key" type="button" class="we-chip" :aria-pressed="only === key" :data-testid="'only-' + key" @click="only = key">{{ label }}
              <span class="we-number">{{ count }}</span></button></div>
          <div class="we-exports"><a v-for="kind in ['csv', 'json']" :key="kind" class="we-button we-quiet" :href="'/api/admin/settings?format=' + kind" download>
            <svg class="we-icon" aria-hidden="true"><use :href="icons + '#download'"></use></svg><span>{{ kind.toUpperCase() }}</span></a></div>
        </div>
        <p v-if="!visible.length" class="we-empty">No setting matches. <button type="button" class="we-link" @click="text = ''; only = 'all'">Show all</button></p>
        <div v-else class="we-setting-list">
          <article v-for="one in visible" :key="one.name" class="we-setting" :data-testid="'setting-' + one.name">
            <div class="we-setting-name"><h3><code>{{ one.name.toUpperCase() }}</code></h3><p class="we-muted">{{ one.meaning.replaceAll("\x60", "") }}</p></div>
            <div class="we-setting-value">
              <form v-if="editing === one.name" class="we-edit" @submit.prevent="save(one)" @keydown.esc="close(one.name)">
                <input ref="field" v-model="value" class="we-input" :aria-label="one.name" autocomplete="off" maxlength="200" data-testid="setting-field">
                <button type="submit" class="we-button we-primary" data-testid="save">Save</button><button type="button" class="we-button" @click="close(one.name)">Cancel</button>
                <p class="we-form-error" role="alert" data-testid="setting-error">{{ errors[one.name] }}</p></form>
              <template v-else>
                <strong class="we-setting-now" data-testid="value">{{ one.value }}</strong>
                <p v-if="one.waiting !== null" class="we-status we-status-warn" data-testid="waiting"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#paused'"></use></svg>
                  <span>{{ one.waiting }} after a restart</span></p></template>
            </div>
            <div class="we-setting-source">
              <span class="we-status" :class="'we-status-' + source(one.source).tone" data-testid="source"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#' + source(one.source).icon"></use></svg>
                <span>{{ one.source === 'here' ? 'set here' : one.source }}</span></span>
              <p class="we-muted"><template v-if="one.source === 'here'">by {{ one.changed_by }}, <span :title="exactly(one.changed_at)">{{ ago(one.changed_at, now) }}</span>;
                {{ one.environment !== null ? 'the environment says ' + one.environment : 'the default is ' + one.default }}</template>
                <template v-else-if="one.source === 'environment'">the default is {{ one.default }}</template></p>
            </div>
            <div class="we-setting-actions">
              <span class="we-muted">{{ { 'at once': 'changes at once', 'after a restart': 'changes after a restart', 'environment only': 'environment only' }[one.effect] }}</span>
              <template v-if="mayManage && one.effect !== 'environment only' && editing !== one.name">
                <button type="button" class="we-button we-quiet" :data-testid="'edit-' + one.name" :aria-label="'Change ' + one.name" @click="edit(one)">Change</button>
                <button v-if="one.source === 'here'" type="button" class="we-button we-quiet" :data-testid="'reset-' + one.name" :aria-label="'Reset ' + one.name"
                  @click="ask('reset', { name: one.name })">Reset</button></template>
            </div>
          </article>
        </div>
      </section>
      <dialog ref="confirm" class="we-dialog" aria-labelledby="confirm-maintenance"><h2 id="confirm-maintenance">Begin maintenance of the chat?</h2>
        <p>{{ affected === 0 ? 'No one has' : affected === 1 ? 'One person has' : affected + ' people have' }} written in the last five minutes. Their next message is refused until the maintenance ends.</p>
        <div class="we-dialog-actions"><button type="button" class="we-button" autofocus @click="$refs.confirm.close()">Cancel</button>
          <button type="button" class="we-button we-danger" data-testid="confirm-maintenance" @click="begin">Begin maintenance</button></div></dialog>
    </div>`,
};
