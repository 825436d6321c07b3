"""Promises about time (E1-E8): when a ticket did what, which policy promises what, and what is due when."""
