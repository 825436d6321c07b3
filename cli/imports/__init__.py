"""Importing another desk's log: read, spool, translate, tell."""
