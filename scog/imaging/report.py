"""Report of an image: scenes used and skipped, upstream requests and times, for response headers and output."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from scog.catalog.scene import Scene
from scog.cog.preview_level import PreviewLevel
from scog.collections.profile import Profile
from scog.errors import DeadlineExceeded, NothingReadable, Progress, ScogError, SourceError
from scog.imaging.scene_offsets import UsedOffset
from scog.imaging.skip_reasons import skip_detail
from scog.net.policy import UpstreamStats


@dataclass
class Report:
    """Scenes used and skipped, age of the catalogue's response, upstream requests and times of one image.

    used            scenes that contribute a pixel
    skipped         scenes that could not be read: scene id to reason, such as `http-404`
    details         scene id to a message with band, file, error and advice, for skipped scenes that have one
    unmasked        scenes to which a part of the mask does not apply: scene id to what is missing, bands or sets
    guessed_offsets reflectance offset by scene id, for scenes whose metadata does not determine it
    second_period   scenes of `used` that belong to the second period of a comparison
    bands           bands whose guesses and contradictions the notes tell
    remarks         sentences about the request, such as a period that is ignored
    provisional     whether what the collection is could not be read, so that a retry may give another image
    truncated       whether more scenes matched than one image may use
    stale           age of the catalogue's response in seconds if it has expired, else None
    incomplete      reason why work ended early: "deadline", or "catalogue" if a further page of the search failed;
                    None if it did not
    tally           requests, bytes and searches upstream
    seconds         stage to time spent
    scenes_to_read  ids of scenes that are not in memory
    scenes_read     ids of scenes of `scenes_to_read` that have been read
    preview         how coarse a preview is; None for an image
    """

    used: list[Scene] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    unmasked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    guessed_offsets: dict[str, UsedOffset] = field(default_factory=dict)
    second_period: list[Scene] = field(default_factory=list)
    bands: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    provisional: bool = False
    truncated: bool = False
    stale: float | None = None
    incomplete: str | None = None
    tally: UpstreamStats = field(default_factory=UpstreamStats)
    seconds: dict[str, float] = field(default_factory=dict)
    scenes_to_read: set[str] = field(default_factory=set)
    scenes_read: set[str] = field(default_factory=set)
    preview: PreviewLevel | None = None

    @property
    def progress(self) -> Progress:
        """Number of scenes read and to be read, and the upstream cost so far."""
        tally = self.tally
        return Progress(len(self.scenes_read), len(self.scenes_to_read), tally.requests, tally.bytes, tally.searches)

    @property
    def is_preview(self) -> bool:
        """Whether this is a preview that differs from the image itself."""
        return self.preview is not None and self.preview.is_coarse

    @property
    def partial(self) -> bool:
        """Whether scenes are missing, or what the collection is, so that a retry may add them."""
        return bool(self.skipped) or self.incomplete is not None or self.provisional

    def note_profile(self, profile: Profile) -> None:
        """Note why a collection's profile is provisional, if it is."""
        if profile.provisional:
            self.provisional = True
            self.remarks.append(profile.provisional)

    def add_time(self, stage: str, since: float) -> None:
        """Add the seconds since `since`, a value of time.perf_counter(), to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def skip(self, scene: Scene, error: SourceError, root: Path | None = None) -> None:
        """Record that a scene could not be read. Only its first error is recorded.

        `root` is the local archive's folder, None for a remote catalogue.
        """
        if scene.id not in self.skipped:
            self.skipped[scene.id] = error.reason
            self.details[scene.id] = skip_detail(scene, error, root)

    def nothing_readable(self, sentence: str) -> NothingReadable:
        """The error NothingReadable: `sentence` (without full stop), and the detail of the first skipped scene."""
        detail = next(iter(self.details.values()), None)
        message = f"{sentence}{f': {detail}' if detail else '.'}"
        return NothingReadable(message, skipped=tuple(self.skipped.items()), details=self.details)

    def offset_lines(self) -> list[str]:
        """The guessed offsets of the scenes used: `-0.1 (estimated from pixels)`, with scene ids where they differ."""
        guesses = {
            scene.id: str(self.guessed_offsets[scene.id]) for scene in self.used if scene.id in self.guessed_offsets
        }
        if len(set(guesses.values())) == 1 and len(guesses) == len({scene.id for scene in self.used}):
            return [*set(guesses.values())]
        return [f"{scene}: {guess}" for scene, guess in guesses.items()]

    def note_lines(self) -> list[str]:
        """What was guessed about the bands of the scenes used, or contradicts itself, without repetitions."""
        notes = dict.fromkeys(self.remarks)
        for scene in self.used:
            for band in self.bands:
                asset = scene.assets.get(band)
                if asset is not None and asset.notes:
                    notes.update(dict.fromkeys(asset.notes))
        return list(notes)

    def skipped_scenes(self) -> list[dict[str, str]]:
        """The skipped scenes as JSON objects (see `skipped_scene`)."""
        return [skipped_scene(scene, reason, self.details.get(scene)) for scene, reason in self.skipped.items()]

    def error_lines(self) -> list[str]:
        """The skipped scenes as lines of text: `scene: reason; detail`."""
        return [
            f"{scene}: {reason}" + (f"; {self.details[scene]}" if scene in self.details else "")
            for scene, reason in self.skipped.items()
        ]

    def lines(self) -> list[str]:
        """What happened, as lines of text: skipped and unmasked scenes, guessed reflectance offsets, and notes."""
        return [
            *(f"skipped {line}" for line in self.error_lines()),
            *(
                f"not masked: {scene}, which has no {' and no '.join(missing)}"
                for scene, missing in self.unmasked.items()
            ),
            *(f"reflectance offset: {line}" for line in self.offset_lines()),
            *(f"note: {line}" for line in self.note_lines()),
        ]

    def record_failure(self, error: ScogError) -> None:
        """Record that a part of the work failed.

        Adds the skipped scenes of NothingReadable. After any other error, the report is incomplete.
        """
        if isinstance(error, NothingReadable):
            self.skipped |= dict(error.skipped)
            self.details |= error.details
        else:
            reason = "deadline" if isinstance(error, DeadlineExceeded) else "catalogue"
            self.incomplete = self.incomplete or reason

    def include(self, other: Report) -> None:
        """Add the report of another part of the work. Times, requests, bytes and searches are summed."""
        used = {scene.id for scene in self.used}
        self.used += [scene for scene in other.used if scene.id not in used]
        self.skipped = other.skipped | self.skipped
        self.details = other.details | self.details
        self.unmasked = other.unmasked | self.unmasked
        self.guessed_offsets |= other.guessed_offsets
        second_period = {scene.id for scene in self.second_period}
        self.second_period += [scene for scene in other.second_period if scene.id not in second_period]
        self.bands = tuple(dict.fromkeys((*self.bands, *other.bands)))
        self.remarks = list(dict.fromkeys((*self.remarks, *other.remarks)))
        self.provisional |= other.provisional
        self.truncated |= other.truncated
        self.stale = max(self.stale or 0.0, other.stale or 0.0) or None
        self.incomplete = self.incomplete or other.incomplete
        self.scenes_to_read |= other.scenes_to_read
        self.scenes_read |= other.scenes_read
        if other.preview is not None:
            self.preview = other.preview.joined(self.preview)
        self.tally.requests += other.tally.requests
        self.tally.bytes += other.tally.bytes
        self.tally.searches += other.tally.searches
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def skipped_scene(scene: str, reason: str, detail: str | None) -> dict[str, str]:
    """A skipped scene as a JSON object: id, reason, and detail if there is one."""
    return {"scene": scene, "reason": reason} | ({"detail": detail} if detail else {})


def merge_reports(first: Report, second: Report) -> Report:
    """The report of a comparison of two images. It is partial, truncated or stale if either image is.

    Requests, bytes and searches are summed. The time of a stage is the longer of the two, since both images are drawn
    concurrently.
    """
    tallies = first.tally, second.tally
    ids = {scene.id for scene in first.used}  # each search creates its own Scene objects
    return Report(
        used=[*first.used, *(scene for scene in second.used if scene.id not in ids)],
        skipped=second.skipped | first.skipped,
        details=second.details | first.details,
        unmasked=first.unmasked | second.unmasked,
        guessed_offsets=first.guessed_offsets | second.guessed_offsets,
        bands=tuple(dict.fromkeys((*first.bands, *second.bands))),
        remarks=list(dict.fromkeys((*first.remarks, *second.remarks))),
        provisional=first.provisional or second.provisional,
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
        scenes_to_read=first.scenes_to_read | second.scenes_to_read,
        scenes_read=first.scenes_read | second.scenes_read,
        preview=first.preview if second.preview is None else second.preview.joined(first.preview),
        second_period=list(second.used),
    )
