"""One event of every type that a saved view can have."""

from uuid import UUID

from domain import saved_view
from domain.event import Event

ID = UUID("018f0000-0000-7000-8000-000000000001")

SAMPLES: tuple[Event, ...] = (
    saved_view.ViewSaved(
        title="VIP 客户",
        condition={"all": [{"field": "tags", "op": "has_any", "value": ["vip"]}]},
        columns=("number", "title"),
        sort="-priority,updated_at",
        group_by="status",
        sharing=saved_view.Sharing.TEAM,
        team=ID,
        owner=ID,
    ),
    saved_view.ViewRemoved(),
)
