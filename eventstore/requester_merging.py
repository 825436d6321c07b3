"""Merging requesters and taking it back (F7): decided on the duplicate, followed on the other. A process ends what is cut off."""

from dataclasses import replace

from domain.errors import Refusal
from domain.requester import Requester, UnknownRequester
from domain.requester_ties import FIRST_HALVES, MergeRequester, UndoRequesterMerge, counterpart
from eventstore.desk import Desk, Receipt


async def merge(desk: Desk, command: MergeRequester) -> Receipt:
    """Merge a requester into another one who is there."""
    into = (await desk.state(command.workspace_id, "requester", command.into)).state
    try:
        if not isinstance(into, Requester):
            raise UnknownRequester(requester=command.into)
        into.must_be_there(command.into)
    except Refusal:
        # A repeat is answered as the first time, even where the other would now be refused.
        if await desk.streams.first_answer(command.workspace_id, command.command_id) is None:
            raise
    return await _both(desk, command)


async def undo_merge(desk: Desk, command: UndoRequesterMerge) -> Receipt:
    """Take a merge back, unless the other was merged away since: that merge has this one's tickets now."""
    source = (await desk.state(command.workspace_id, "requester", command.requester_id)).state
    if isinstance(source, Requester) and source.merged_into is not None:
        # The other half first, where it is missing: else a process could make it afterwards.
        await _finish(desk, command)
        into = (await desk.state(command.workspace_id, "requester", source.merged_into)).state
        if not into.erasing:
            into.must_be_there(source.merged_into)
    return await _both(desk, command)


async def _both(desk: Desk, command: MergeRequester | UndoRequesterMerge) -> Receipt:
    receipt = await desk.execute(command)
    position = await _finish(desk, command, receipt.version - receipt.events) if receipt.events else 0
    return replace(receipt, position=max(receipt.position, position))


async def _finish(desk: Desk, command: MergeRequester | UndoRequesterMerge, after: int = 0) -> int:
    """Carry out the other half of the newest merge or undoing; the position of what it led to."""
    events = await desk.streams.events(command.workspace_id, command.requester_id, after)
    halves = [recorded for recorded in events if isinstance(recorded.event, FIRST_HALVES)]
    second = counterpart(halves[-1]) if halves else None
    return (await desk.execute(second)).position if second else 0
