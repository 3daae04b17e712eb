"""The parts of a fleet that are no bots, and what an administrator adopted of all that the engine has."""
