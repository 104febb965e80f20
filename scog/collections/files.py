"""Reads profiles from TOML files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scog.collections.built_in import built_in
from scog.collections.profile import Profile
from scog.collections.profile_toml import is_profile, parse_profile
from scog.errors import InvalidInput


def read_profiles(paths: Iterable[Path]) -> list[Profile]:
    """The profiles of files, and of the `*.toml` files of folders that describe bands or extend a profile.

    Raises InvalidInput if a path does not exist, or a file cannot be read or is invalid.
    """
    profiles = []
    for path in paths:
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        for file in files:
            try:
                text = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                message = f"The profile {file} cannot be read: {error}."
                raise InvalidInput(message, parameter="collections", valid="TOML files, or folders of them") from None
            if file is path or is_profile(text):
                profiles.append(parse_profile(text, str(file), built_in))
    return profiles
