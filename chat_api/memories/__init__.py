"""What bots remember of people: shown, and erased through the bots."""
