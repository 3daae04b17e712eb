"""This deployment itself: processes, leader, PostgreSQL, Redis and metrics."""
