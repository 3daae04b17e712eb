"""The pages of API keys: everybody's for administrators, and for people their own."""
