"""The event stream to other services, on Kafka (J1, J2)."""
