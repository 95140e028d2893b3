"""What a site may choose about the order and the backfill."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..model.errors import InvalidSpec
from .limits import Limits, check_limits
from .windows import Calendar


class Order(StrEnum):
    """Who goes first within a hard class.

    ``submission``: who came first. ``index``: who costs others least for what waiting costs
    itself, by its predicted time; who has waited long goes before all these.
    """

    SUBMISSION = "submission"
    INDEX = "index"


class Backfill(StrEnum):
    """Who may go past a job that does not fit yet.

    ``none``: nobody. ``easy``: who does not delay the first that does not fit.
    ``conservative``: who delays nobody; every job is promised its start when it comes.
    """

    NONE = "none"
    EASY = "easy"
    CONSERVATIVE = "conservative"


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of a site's policy; each field's metadata holds its sentence of ``help``."""

    backfill: Backfill = field(
        default=Backfill.EASY,
        metadata={"help": "Who may pass a job that does not fit yet: none, easy or conservative."},
    )
    order: Order = field(
        default=Order.SUBMISSION,
        metadata={"help": "Who goes first within a hard class: by submission or by index."},
    )
    guard: float = field(
        default=0.7,
        metadata={
            "help": "By index, who has waited longer than this share of the longest wait that "
            "serving by submission would have given goes before all others."
        },
    )
    patience_s: float = field(
        default=600.0,
        metadata={"help": "By index, nobody goes before others for a wait shorter than this."},
    )
    unknown_s: float = field(
        default=86_400.0,
        metadata={"help": "What a job without history is expected to take at most, in seconds."},
    )
    fair_half_life_s: float = field(
        default=0.0,
        metadata={
            "help": "By index, who has had much of the machine is set back, people and projects "
            "alike; what one has had counts half after so many seconds. 0: no fair share."
        },
    )
    back_off_s: float = field(
        default=10.0,
        metadata={"help": "The pause before the first retry, in seconds; each doubles it."},
    )
    back_off_most_s: float = field(
        default=3_600.0,
        metadata={"help": "The longest pause before a retry, in seconds."},
    )
    user_limits: Limits = field(
        default_factory=dict,
        metadata={
            "help": "By user, * for whoever is not named: the most cores, jobs and gpus that run "
            'at once, e.g. {"*": {"cores": 8}}; what is over waits.'
        },
    )
    project_limits: Limits = field(
        default_factory=dict,
        metadata={"help": "The same by project; jobs without a project have no such limit."},
    )

    headroom: float = field(
        default=0.0,
        metadata={"help": "Share of the cores kept for short jobs at the hours of the calendar."},
    )
    headroom_short_s: float = field(
        default=3_600.0,
        metadata={"help": "Jobs with a time limit of at most so many seconds are short."},
    )
    headroom_lead_s: float = field(
        default=7_200.0,
        metadata={
            "help": "So many seconds before these hours end no long job may pass one that can't "
            "start before they do, since it asks for more than they leave to long jobs."
        },
    )
    # Of three calendars tried on made-up labs this one helps the short and spares the long.
    headroom_calendar: tuple[str, ...] = field(
        default=("mon-fri 07:00-18:00",),
        metadata={"help": "When headroom is kept; hours must remain in which long jobs may start."},
    )
    utc_offsets: tuple[tuple[float, float], ...] = field(
        default=(),
        metadata={
            "help": "From when on (seconds since the epoch) the calendar's clock is how many "
            "seconds ahead of UTC; none: as on this machine."
        },
    )

    def __post_init__(self) -> None:
        check_limits(self.user_limits, "user_limits")
        check_limits(self.project_limits, "project_limits")
        Calendar(self.headroom_calendar)
        if self.fair_half_life_s and self.order is not Order.INDEX:
            raise InvalidSpec(
                "fair share sets people back in the order by index, not by submission",
                cure="take order index, or no fair share",
                field="fair_half_life_s",
            )
        if self.headroom and self.backfill is Backfill.CONSERVATIVE:
            raise InvalidSpec(
                "conservative backfill promises every job its start, headroom moves starts",
                cure="take backfill easy, or no headroom",
                field="headroom",
            )


#: The policy of an engine that was told nothing else.
DEFAULT = Policy(order=Order.INDEX)
