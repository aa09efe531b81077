"""Formulas over metrics: their grammar, their values, and derived metrics."""
