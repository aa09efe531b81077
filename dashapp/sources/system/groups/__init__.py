"""Containers and services: the usage of control groups, by name."""
