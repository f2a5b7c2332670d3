"""Contracts with libraries whose versions differ between devices."""
