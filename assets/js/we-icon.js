// A symbol of assets/icons.svg; it takes the colour of the text around it.

/** The address of the sheet of symbols, which the page's head names. */
export const iconSheet = () => document.querySelector('meta[name="we-icons"]').content;

export const Icon = {
  props: { name: String },
  computed: {
    address() {
      return `${iconSheet()}#${this.name}`;
    },
  },
  template: `<svg class="we-icon" aria-hidden="true"><use :href="address"></use></svg>`,
};
