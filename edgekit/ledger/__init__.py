"""Recorded results, and a student's ledger."""
