"""Which organisations are one (F7): a duplicate goes on as another, until that is undone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from domain.errors import Refusal


class OrganisationMergedAway(Refusal):
    """The organisation goes on as another."""

    code = "organisation_merged"
    sentence = "Organisation {organisation} was merged into {into}. Go on there, or undo the merge."


@dataclass(frozen=True)
class Merges:
    """Each organisation that was merged, with the one that it was merged into, which may have been merged itself."""

    into: Mapping[UUID, UUID] = field(default_factory=dict)

    def __hash__(self) -> int:
        return self._hash

    def survivor(self, organisation: UUID) -> UUID:
        """The organisation that it goes on as: itself where it was not merged."""
        while (other := self.into.get(organisation)) is not None:
            organisation = other
        return organisation

    def records(self, organisation: UUID) -> tuple[UUID, ...]:
        """All that are the same organisation, the one that they go on as first."""
        survivor = self.survivor(organisation)
        return (survivor, *self._absorbed.get(survivor, ()))

    def absorbed(self, organisation: UUID) -> tuple[UUID, ...]:
        """All that go on as it, in the order of their ids."""
        return self._absorbed.get(organisation, ())

    def must_go_on(self, organisation: UUID) -> None:
        """Raise OrganisationMergedAway where it was merged into another."""
        if organisation in self.into:
            raise OrganisationMergedAway(organisation=organisation, into=self.survivor(organisation))

    def with_merge(self, organisation: UUID, into: UUID) -> "Merges":
        """The same, and that merge."""
        return Merges({**self.into, organisation: into})

    def without(self, organisation: UUID) -> "Merges":
        """The same, where the organisation is on its own again, with those that were merged into it."""
        return Merges({each: into for each, into in self.into.items() if each != organisation})

    @cached_property
    def _absorbed(self) -> dict[UUID, tuple[UUID, ...]]:
        found: dict[UUID, list[UUID]] = {}
        for organisation in sorted(self.into):
            found.setdefault(self.survivor(organisation), []).append(organisation)
        return {survivor: tuple(absorbed) for survivor, absorbed in found.items()}

    @cached_property
    def _hash(self) -> int:
        return hash(frozenset(self.into.items()))


APART = Merges()
