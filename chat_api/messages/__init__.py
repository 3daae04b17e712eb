"""Messages: stored, answered, edited and delivered, over REST and WebSocket."""
