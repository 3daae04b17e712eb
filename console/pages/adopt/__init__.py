"""What of the container engine the console may act on."""
