"""One Apache Kafka broker of our own: for `ledgerdesk up --kafka`, and for the tests."""
