// What people read, in the page's language; `chat_api/core/language.py` says how a text gets into the catalogues.
// For plain scripts; modules import the same from "we-language".
const weText = (() => {
  const found = (text) =>
    Object.hasOwn(globalThis.weCatalogue ?? {}, text) ? globalThis.weCatalogue[text] : undefined;
  const filled = (text, values) =>
    values ? text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole)) : text;
  const code = () => globalThis.document?.documentElement.lang || "en";
  const formOf = (count) => {
    const rules = new Intl.PluralRules(code());
    return rules.resolvedOptions().pluralCategories.indexOf(rules.select(count));
  };
  return {
    /** Of a text in every language, the one in the page's. */
    ofPage: (texts) => texts[code().split("-")[0]] ?? texts.en,
    /** How dates and numbers are written: as the reader's browser does in the page's language. */
    locale: () => globalThis.navigator?.languages?.find((one) => one.split("-")[0] === code().split("-")[0]) ?? code(),
    /** A text, with its {placeholders} filled. */
    t: (text, values) => filled(found(text) || text, values),
    /** A text for a number of things; {count} is the number. */
    nt: (one, many, count, values) =>
      filled(found(one)?.[formOf(count)] || (count === 1 ? one : many), { count, ...values }),
  };
})();
globalThis.weText = weText;
