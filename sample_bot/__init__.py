"""A small real bot that speaks the WhisperEngine bot contract: for the demo, the tests and load.

It shares no code with the console, so that a misreading of the contract cannot hide on both sides.
"""
