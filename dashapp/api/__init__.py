"""The HTTP API: /api/*, /metrics, the OpenAPI document."""
