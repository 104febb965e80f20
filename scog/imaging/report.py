"""Reports: which scenes an image used or skipped, and what it cost, for response headers and output."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from scog.catalog.scene import Scene
from scog.cog.preview_level import PreviewLevel
from scog.errors import DeadlineExceeded, NothingReadable, Progress, ScogError, SourceError
from scog.imaging.skip_reasons import explain
from scog.net.policy import UpstreamStats


@dataclass
class Report:
    """Scenes used and skipped, state of the catalogue's response, upstream requests and time of one image.

    used        scenes that contribute a pixel
    skipped     reason by id of each scene that could not be read, such as `http-404`
    why         details of the error by id of skipped scenes, where there are any
    unmasked    ids of scenes without a scene classification
    compared    those of the used scenes that belong to the second period of a comparison
    truncated   whether more scenes matched than one image may use
    stale       age of the catalogue's response in seconds if it has expired, else None
    incomplete  why work ended early: `deadline`, or `catalogue` if a further page of the search failed
    tally       requests, bytes and searches upstream
    seconds     time spent by stage
    wanted      ids of scenes that had to be read, because they were not in memory
    read        ids of those of them that have been read
    preview     for a preview, how coarse it is
    """

    used: list[Scene] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    unmasked: list[str] = field(default_factory=list)
    compared: list[Scene] = field(default_factory=list)
    truncated: bool = False
    stale: float | None = None
    incomplete: str | None = None
    tally: UpstreamStats = field(default_factory=UpstreamStats)
    seconds: dict[str, float] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    preview: PreviewLevel | None = None

    @property
    def progress(self) -> Progress:
        """Scenes read so far of those to be read, and the upstream cost."""
        tally = self.tally
        return Progress(len(self.read), len(self.wanted), tally.requests, tally.bytes, tally.searches)

    @property
    def is_preview(self) -> bool:
        """Whether the image itself would differ from this preview."""
        return self.preview is not None and self.preview.is_coarse

    @property
    def partial(self) -> bool:
        """Whether a retry may add scenes."""
        return bool(self.skipped) or self.incomplete is not None

    def add_time(self, stage: str, since: float) -> None:
        """Add the time since `since` (by time.perf_counter) to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def skip(self, scene: Scene, error: SourceError, root: Path | None = None) -> None:
        """Record that a scene could not be read. Only its first error counts. `root` is the local archive's folder."""
        if scene.id not in self.skipped:
            self.skipped[scene.id] = error.reason
            self.why[scene.id] = explain(scene, error, root)

    def nothing_readable(self, what: str) -> NothingReadable:
        """NothingReadable with `what`, a sentence without full stop, and the details of the first skipped scene."""
        details = next(iter(self.why.values()), None)
        message = f"{what}{f': {details}' if details else '.'}"
        return NothingReadable(message, skipped=tuple(self.skipped.items()), why=self.why)

    def errors(self) -> list[dict[str, str]]:
        """The skipped scenes as JSON objects (see `skipped_scene`)."""
        return [skipped_scene(scene, reason, self.why.get(scene)) for scene, reason in self.skipped.items()]

    def error_lines(self) -> list[str]:
        """The skipped scenes as lines of text."""
        return [
            f"{scene}: {reason}" + (f"; {self.why[scene]}" if scene in self.why else "")
            for scene, reason in self.skipped.items()
        ]

    def record_failure(self, error: ScogError) -> None:
        """Record that a part of the work failed: its skipped scenes, or that it is incomplete."""
        if isinstance(error, NothingReadable):
            self.skipped |= dict(error.skipped)
            self.why |= error.why
        else:
            cause = "deadline" if isinstance(error, DeadlineExceeded) else "catalogue"
            self.incomplete = self.incomplete or cause

    def include(self, other: Report) -> None:
        """Add the report of a part of the work."""
        used = {scene.id for scene in self.used}
        self.used += [scene for scene in other.used if scene.id not in used]
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
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def skipped_scene(scene: str, reason: str, why: str | None) -> dict[str, str]:
    """A skipped scene as a JSON object: id, reason, and details where there are any."""
    return {"scene": scene, "reason": reason} | ({"detail": why} if why else {})


def merge_reports(first: Report, second: Report) -> Report:
    """The report of a comparison of two images, which is partial, truncated or stale if either is.

    Both were drawn concurrently: a stage's time is the longer one; requests, bytes and searches are summed.
    """
    tallies = first.tally, second.tally
    ids = {scene.id for scene in first.used}  # each search makes an object of its own of a scene
    return Report(
        used=[*first.used, *(scene for scene in second.used if scene.id not in ids)],
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
