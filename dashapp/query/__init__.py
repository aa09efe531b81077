"""The read side: frames, levels, comparison of hosts and shared views."""
