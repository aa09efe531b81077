"""The protocol of statsd, with the tags of DogStatsD."""
