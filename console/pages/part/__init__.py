"""One worker, store or service of the fleet."""
