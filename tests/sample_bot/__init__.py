"""The sample bot, proven as a running process."""
