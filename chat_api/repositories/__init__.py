"""SQL, one module a noun. Nothing here commits: a service method is the unit of work."""
