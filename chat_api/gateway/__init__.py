"""The OpenAI-compatible gateway: bots as models, for everything that speaks to language models."""
