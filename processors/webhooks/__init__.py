"""Webhooks: what they are told, how it is sent, and the loop that does so."""
