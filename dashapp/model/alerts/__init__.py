"""The parts of alert rules: quiet hours, options, and sets of rules."""
