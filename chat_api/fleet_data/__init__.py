"""What the fleet's own stores say of its life, Discord included, beside what passes through us."""
