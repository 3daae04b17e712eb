"""The audit trail: what administrators did, and what they were refused."""
