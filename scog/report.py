"""How an answer came to be, for its headers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from scog.catalog.scene import Scene
from scog.errors import AssetMissing, AssetRefused, DeadlineExceeded, NothingReadable, Progress, ScogError, SourceError
from scog.net.policy import Tally
from scog.pixels.coarseness import Coarseness


@dataclass
class Report:
    """Scenes used and skipped (with the reason), what the catalogue had to say, upstream costs, seconds a stage."""

    used: list[Scene] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    """In words, what is wrong with the first file that was refused, and what would be valid."""
    unmasked: list[str] = field(default_factory=list)
    compared: list[Scene] = field(default_factory=list)
    """Those of the scenes used that are of a second period."""
    bounded: bool = False
    """Whether more scenes could have been asked for than one picture may."""
    stale: float | None = None
    """Age in seconds of the catalogue's answer, where it is not fresh any more."""
    incomplete: str | None = None
    """What ended the work before its end: `deadline`, or `catalogue` where that failed after a first answer."""
    tally: Tally = field(default_factory=Tally)
    seconds: dict[str, float] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    """Ids of scenes that had to be read, and below of those that have been."""
    read: set[str] = field(default_factory=set)
    preview: Coarseness | None = None
    """Set where a preview was asked for: how coarse it became."""

    @property
    def progress(self) -> Progress:
        """How far the work has got."""
        tally = self.tally
        return Progress(len(self.read), len(self.wanted), tally.requests, tally.bytes, tally.searches)

    @property
    def is_preview(self) -> bool:
        """Whether the image is coarser than it will be, rather than as good as it gets."""
        return self.preview is not None and self.preview.is_coarse

    @property
    def partial(self) -> bool:
        """Whether something is missing that another try may bring."""
        return bool(self.skipped) or self.incomplete is not None

    def skip(self, scene: str, fault: SourceError) -> None:
        """Note that a scene cannot be read, and why."""
        self.skipped.setdefault(scene, fault.reason)
        if isinstance(fault, AssetRefused | AssetMissing) and not self.refusal:
            self.refusal = f"{scene}: {fault}"

    def nothing_readable(self, what: str) -> NothingReadable:
        """The error for an answer of which nothing could be read."""
        return NothingReadable(f"{what} {self.refusal}".strip(), skipped=tuple(self.skipped.items()))

    def add_time(self, stage: str, since: float) -> None:
        """Count the time since `since` (of time.perf_counter) to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def miss(self, fault: ScogError) -> None:
        """Note that a part of the work is missing, and why."""
        if isinstance(fault, NothingReadable):
            self.skipped |= dict(fault.skipped)
        else:
            kind = "deadline" if isinstance(fault, DeadlineExceeded) else "catalogue"
            self.incomplete = self.incomplete or kind

    def include(self, other: Report) -> None:
        """Take over what came of a part of the work."""
        known = {scene.id for scene in self.used}
        self.used += [scene for scene in other.used if scene.id not in known]
        self.skipped = other.skipped | self.skipped
        self.refusal = self.refusal or other.refusal
        self.unmasked += [scene for scene in other.unmasked if scene not in self.unmasked]
        compared = {scene.id for scene in self.compared}
        self.compared += [scene for scene in other.compared if scene.id not in compared]
        self.bounded |= other.bounded
        self.stale = max(self.stale or 0.0, other.stale or 0.0) or None
        self.incomplete = self.incomplete or other.incomplete
        self.wanted |= other.wanted
        self.read |= other.read
        if other.preview is not None:
            self.preview = other.preview.joined(self.preview)
        self.tally.requests += other.tally.requests
        self.tally.bytes += other.tally.bytes
        self.tally.searches += other.tally.searches
        for stage, spent in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


def merged(first: Report, second: Report) -> Report:
    """How an answer came to be that is made of two: what is missing from either is missing from it.

    Both were worked on at once: of a stage's seconds the longer count, of requests and bytes the sum.
    """
    tallies = first.tally, second.tally
    named = {scene.id for scene in first.used}  # two searches make two of one scene
    return Report(
        used=[*first.used, *(scene for scene in second.used if scene.id not in named)],
        skipped=second.skipped | first.skipped,
        refusal=first.refusal or second.refusal,
        unmasked=list(dict.fromkeys((*first.unmasked, *second.unmasked))),
        bounded=first.bounded or second.bounded,
        stale=max(first.stale or 0.0, second.stale or 0.0) or None,
        incomplete=first.incomplete or second.incomplete,
        tally=Tally(*(sum(getattr(tally, name) for tally in tallies) for name in ("requests", "bytes", "searches"))),
        seconds={
            stage: max(first.seconds.get(stage, 0.0), second.seconds.get(stage, 0.0))
            for stage in (first.seconds | second.seconds)
        },
        wanted=first.wanted | second.wanted,
        read=first.read | second.read,
        preview=first.preview if second.preview is None else second.preview.joined(first.preview),
        compared=list(second.used),
    )
