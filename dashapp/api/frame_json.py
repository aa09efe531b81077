"""JSON of a frame, with the alerts and notices of its moment."""

from __future__ import annotations

from typing import Any

from dashapp.api.runs import runs_revision
from dashapp.api.serializers import firing_json
from dashapp.model.notices import PublicNotice, redact_for_public
from dashapp.model.ticks import to_milliseconds
from dashapp.query.frames import Frame
from dashapp.stores.base import Reader

INCOMPLETE_NOTICE = PublicNotice("Some points are missing, because the store cannot be read now.")


def frame_json(frame: Frame, now: float, store: Reader, redacts_notices: bool) -> dict[str, Any]:
    """Return the body of a frame. `now`: epoch seconds.

    `redacts_notices`: everybody may read the body, so that it has no details about the server.
    """
    body: dict[str, Any] = {
        "cursor": frame.cursor,
        "reset": frame.reset,
        "now": now,
        "step": frame.step if frame.step % 1 else int(frame.step),
        "t": frame.t,
        "y": frame.y,
    }
    if frame.is_coarse and (newest := frame.newest):
        # Aggregated points do not have the time and values of the newest tick.
        body |= {"min": frame.low, "max": frame.high}
        body |= {"newest": to_milliseconds(newest.time), "tick": newest.step, "last": newest.values}
    controls = store.alert_controls()
    if controls.log:
        # The page requests /api/alerts when this time is another one.
        body["actions"] = to_milliseconds(controls.log[-1].time)
    if firing := firing_json(store.thresholds(), controls):
        body["broken"] = firing
    if changes := store.changes():
        # The alert history requests /api/alerts until it has this number, so it is one of that log.
        body["changes"] = changes[-1].number
    if events := store.events().events:
        # The page requests /api/events when this number rises.
        body["events"] = events[-1].number
    if revision := runs_revision(store):
        # The page polls /api/runs when this number rises.
        body["runs"] = revision
    if steps := store.clock_steps():
        body["clock"] = steps
    notices = store.notices()
    if not frame.is_complete:
        notices = [*notices, INCOMPLETE_NOTICE]
    if notices:
        body["notices"] = redact_for_public(notices) if redacts_notices else notices
    return body
