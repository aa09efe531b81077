"""Alerts: evaluate thresholds, record changes, deliver notifications."""
