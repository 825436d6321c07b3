"""The ways by which rules act: what came by them is told apart from what people did."""

TRIGGER = "trigger"
AUTOMATION = "automation"
