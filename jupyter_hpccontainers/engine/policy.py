"""The scheduler's policy as traits, so that a site can set each figure in its configuration."""

from __future__ import annotations

from dataclasses import fields

from traitlets import CaselessStrEnum, Dict, Float, List, Unicode
from traitlets.config import Configurable

from ..scheduler.policy import DEFAULT, Backfill, Order, Policy

_HELP = {field.name: field.metadata["help"] for field in fields(Policy)}


class SchedulingPolicy(Configurable):
    """What decides which job goes first: ``c.SchedulingPolicy.order = "submission"``."""

    backfill = CaselessStrEnum(
        [choice.value for choice in Backfill], DEFAULT.backfill.value, help=_HELP["backfill"]
    ).tag(config=True)
    order = CaselessStrEnum(
        [choice.value for choice in Order], DEFAULT.order.value, help=_HELP["order"]
    ).tag(config=True)
    guard = Float(DEFAULT.guard, min=0.0, help=_HELP["guard"]).tag(config=True)
    patience_s = Float(DEFAULT.patience_s, min=0.0, help=_HELP["patience_s"]).tag(config=True)
    unknown_s = Float(DEFAULT.unknown_s, min=1.0, help=_HELP["unknown_s"]).tag(config=True)
    user_limits = Dict(help=_HELP["user_limits"]).tag(config=True)
    project_limits = Dict(help=_HELP["project_limits"]).tag(config=True)

    fair_half_life_s = Float(DEFAULT.fair_half_life_s, min=0.0, help=_HELP["fair_half_life_s"]).tag(
        config=True
    )
    back_off_s = Float(DEFAULT.back_off_s, min=0.0, help=_HELP["back_off_s"]).tag(config=True)
    back_off_most_s = Float(DEFAULT.back_off_most_s, min=0.0, help=_HELP["back_off_most_s"]).tag(
        config=True
    )

    headroom = Float(DEFAULT.headroom, min=0.0, max=1.0, help=_HELP["headroom"]).tag(config=True)
    headroom_short_s = Float(DEFAULT.headroom_short_s, min=0.0, help=_HELP["headroom_short_s"]).tag(
        config=True
    )
    headroom_lead_s = Float(DEFAULT.headroom_lead_s, min=0.0, help=_HELP["headroom_lead_s"]).tag(
        config=True
    )
    headroom_calendar = List(
        Unicode(), list(DEFAULT.headroom_calendar), help=_HELP["headroom_calendar"]
    ).tag(config=True)
    utc_offsets = List(List(Float(), minlen=2, maxlen=2), help=_HELP["utc_offsets"]).tag(
        config=True
    )

    def values(self) -> Policy:
        """Return the figures as the scheduler takes them."""
        return Policy(
            backfill=Backfill(self.backfill),
            order=Order(self.order),
            guard=self.guard,
            patience_s=self.patience_s,
            unknown_s=self.unknown_s,
            fair_half_life_s=self.fair_half_life_s,
            back_off_s=self.back_off_s,
            back_off_most_s=self.back_off_most_s,
            user_limits=self.user_limits,
            project_limits=self.project_limits,
            headroom=self.headroom,
            headroom_short_s=self.headroom_short_s,
            headroom_lead_s=self.headroom_lead_s,
            headroom_calendar=tuple(self.headroom_calendar),
            utc_offsets=tuple((since, ahead) for since, ahead in sorted(self.utc_offsets)),
        )
