// Rules for the browser code: what is wrong, not how it looks (that is prettier's business).
import js from "@eslint/js";
import globals from "globals";

// Plain scripts, in the order in which a page loads them, and what they define for each other and for the server.
const SCRIPTS = ["theme", "session", "language", "console", "notices"].map((name) => `assets/${name}.js`);
const SHARED = ["isMarkedSignedOut", "isSigningOut", "onSocket", "sessionEnded", "signOut", "toggleTheme", "weText"];

export default [
  { ignores: ["assets/locale/"] }, // made from the catalogues
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "module",
      globals: { ...globals.browser, toggleTheme: "readonly" },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-console": "error",
      "no-control-regex": "off", // logs have escape sequences in them
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-promise-executor-return": "error",
      "no-self-compare": "error",
      "no-template-curly-in-string": "error",
      "no-unused-expressions": ["error", { allowShortCircuit: true, allowTernary: true }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    files: SCRIPTS,
    languageOptions: {
      sourceType: "script",
      globals: Object.fromEntries(SHARED.map((name) => [name, "writable"])),
    },
    rules: {
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { varsIgnorePattern: `^(${SHARED.join("|")})$` }],
    },
  },
  { files: ["tests/assets/**", "*.js"], languageOptions: { globals: globals.node } },
];
