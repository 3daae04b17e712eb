globalThis.weCatalogue = {};
