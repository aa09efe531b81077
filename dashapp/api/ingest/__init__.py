"""Endpoints for programs that send series: InfluxDB line protocol and OTLP."""
