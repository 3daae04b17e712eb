"""Checks: suites of prompts with what is expected of the answers, run over bots side by side."""
