"""Sources of metrics: the protocol, the registry, and what all of them share."""
