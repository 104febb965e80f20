"""How an answer came to be, for its headers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from scog.catalog.scene import Scene
from scog.cog.preview_level import PreviewLevel
from scog.errors import DeadlineExceeded, NothingReadable, Progress, ScogError, SourceError
from scog.imaging.skip_reasons import explained
from scog.net.policy import UpstreamStats


@dataclass
class Report:
    """Scenes used and skipped (with the reason), what the catalogue had to say, upstream costs, seconds a stage."""

    used: list[Scene] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    """Of scenes that were skipped, by id, what went wrong in detail, as far as is known."""
    unmasked: list[str] = field(default_factory=list)
    compared: list[Scene] = field(default_factory=list)
    """Those of the scenes used that are of a second period."""
    truncated: bool = False
    """Whether more scenes could have been asked for than one picture may."""
    stale: float | None = None
    """Age in seconds of the catalogue's answer, where it is not fresh any more."""
    incomplete: str | None = None
    """What ended the work before its end: `deadline`, or `catalogue` where that failed after a first answer."""
    tally: UpstreamStats = field(default_factory=UpstreamStats)
    seconds: dict[str, float] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    """Ids of scenes that had to be read, and below of those that have been."""
    read: set[str] = field(default_factory=set)
    preview: PreviewLevel | None = None
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

    def add_time(self, stage: str, since: float) -> None:
        """Count the time since `since` (of time.perf_counter) to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def skip(self, scene: Scene, fault: SourceError, root: Path | None = None) -> None:
        """Note that a scene could not be read; the first fault of a scene counts. Local files lie below `root`."""
        if scene.id not in self.skipped:
            self.skipped[scene.id] = fault.reason
            self.why[scene.id] = explained(scene, fault, root)

    def nothing_readable(self, what: str) -> NothingReadable:
        """The error that says so, and why of the first scene; `what` is a sentence without its point."""
        first = next(iter(self.why.values()), None)
        message = f"{what}{f': {first}' if first else '.'}"
        return NothingReadable(message, skipped=tuple(self.skipped.items()), why=self.why)

    def errors(self) -> list[dict[str, str]]:
        """Of each scene that was skipped its id, the reason, and where it is known what went wrong in detail."""
        return [skipped_scene(scene, reason, self.why.get(scene)) for scene, reason in self.skipped.items()]

    def told(self) -> list[str]:
        """The same as lines of text."""
        return [
            f"{scene}: {reason}" + (f"; {self.why[scene]}" if scene in self.why else "")
            for scene, reason in self.skipped.items()
        ]

    def miss(self, fault: ScogError) -> None:
        """Note that a part of the work is missing, and why."""
        if isinstance(fault, NothingReadable):
            self.skipped |= dict(fault.skipped)
            self.why |= fault.why
        else:
            kind = "deadline" if isinstance(fault, DeadlineExceeded) else "catalogue"
            self.incomplete = self.incomplete or kind

    def include(self, other: Report) -> None:
        """Take over what came of a part of the work."""
        known = {scene.id for scene in self.used}
        self.used += [scene for scene in other.used if scene.id not in known]
        self.skipped = other.skipped | self.skipped
        self.why = other.why | self.why
        self.unmasked += [scene for scene in other.unmasked if scene not in self.unmasked]
        compared = {scene.id for scene in self.compared}
        self.compared += [scene for scene in other.compared if scene.id not in compared]
        self.truncated |= other.truncated
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


def skipped_scene(scene: str, reason: str, why: str | None) -> dict[str, str]:
    """A scene that was skipped as JSON has it."""
    return {"scene": scene, "reason": reason} | ({"detail": why} if why else {})


def merged(first: Report, second: Report) -> Report:
    """How an answer came to be that is made of two: what is missing from either is missing from it.

    Both were worked on at once: of a stage's seconds the longer count, of requests and bytes the sum.
    """
    tallies = first.tally, second.tally
    named = {scene.id for scene in first.used}  # two searches make two of one scene
    return Report(
        used=[*first.used, *(scene for scene in second.used if scene.id not in named)],
        skipped=second.skipped | first.skipped,
        why=second.why | first.why,
        unmasked=list(dict.fromkeys((*first.unmasked, *second.unmasked))),
        truncated=first.truncated or second.truncated,
        stale=max(first.stale or 0.0, second.stale or 0.0) or None,
        incomplete=first.incomplete or second.incomplete,
        tally=UpstreamStats(
            *(sum(getattr(tally, name) for tally in tallies) for name in ("requests", "bytes", "searches"))
        ),
        seconds={
            stage: max(first.seconds.get(stage, 0.0), second.seconds.get(stage, 0.0))
            for stage in (first.seconds | second.seconds)
        },
        wanted=first.wanted | second.wanted,
        read=first.read | second.read,
        preview=first.preview if second.preview is None else second.preview.joined(first.preview),
        compared=list(second.used),
    )
