"""Settings changed from the console, feature flags and announcements."""
