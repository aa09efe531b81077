"""The read side: frames, levels, comparison of hosts, shared views."""
