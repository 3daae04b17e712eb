// The texts of `assets/language.js`, for modules.
export const { locale, ofPage, t, nt } = globalThis.weText;

/** For a component's `mixins`: what its template needs to speak. */
export const SPEAKING = { methods: { t, nt } };
