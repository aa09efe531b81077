"""Series that other programs send: InfluxDB line protocol, OTLP and statsd."""
