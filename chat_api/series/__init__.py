"""Time series, status intervals and analytics."""
