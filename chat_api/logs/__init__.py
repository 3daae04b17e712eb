"""Container logs: one reader for many viewers, masked, filtered and bounded."""
