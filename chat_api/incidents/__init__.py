"""Incidents: opened and resolved by what the fleet does, with evidence and a timeline."""
