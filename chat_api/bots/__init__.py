"""One bot over HTTP: both generations of the contract, streaming, circuit breaker, bulkhead and connection pool."""
