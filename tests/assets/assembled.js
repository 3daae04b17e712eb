// A component without a document.

/** Its data, computed values and methods, as Vue gives them to each other; what it emits is in `emitted`. */
export function assembled(component, given = {}) {
  const one = { emitted: [], $refs: {}, $nextTick: (then) => then?.(), ...given };
  one.$emit = (...what) => one.emitted.push(what);
  const parts = whole(component);
  for (const { methods = {} } of parts) {
    for (const [name, method] of Object.entries(methods)) {
      one[name] = Object.hasOwn(given, name) ? given[name] : method.bind(one);
    }
  }
  for (const { computed = {} } of parts) {
    for (const [name, get] of Object.entries(computed)) {
      Object.defineProperty(one, name, { get: get.bind(one), configurable: true, enumerable: true });
    }
  }
  for (const { data } of parts) Object.assign(one, data?.call(one));
  for (const { created } of parts) created?.call(one);
  return one;
}

const whole = (component) => [...(component.mixins ?? []).flatMap(whole), component];
