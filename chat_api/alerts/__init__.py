"""Alerts: rules over the fleet, how they are grouped and silenced, and whom they notify."""
