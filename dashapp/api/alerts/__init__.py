"""Requests about alerts: mute, acknowledge, and change the rules of the page."""
