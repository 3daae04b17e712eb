"""What all endpoints share: dependencies, error answers, exports, base models and middleware."""
