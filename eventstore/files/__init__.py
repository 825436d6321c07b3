"""Attached files, kept outside the log: encrypted, named by the SHA-256 of their stored bytes."""
