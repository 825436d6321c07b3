"""Mail by SMTP: what a delivery says in it, how it is handed over, and the loop that does so."""
