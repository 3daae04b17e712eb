// Shared by our components: `import { ago } from "we"`.
export * from "./format.js";
