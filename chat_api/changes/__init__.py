"""What each bot ran with, what changed and when, and which bot is unlike the others."""
