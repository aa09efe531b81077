"""What signed-in people do about alerts: mute, acknowledge, and change the rules of the page."""
