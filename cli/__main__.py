"""`python -m cli`: the same as `ledgerdesk`."""

from cli.main import main

main()
