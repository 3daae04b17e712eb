"""The browser code, in Node.js."""
