"""Masks: pixels of scenes that must not be used, by named sets, classes, bits and expressions.

The text of a mask has parts separated by commas: `clouds,snow`, `3,8,9`, `clouds,cloud > 40`. A part is

- the name of a set of the collection's profile, such as `clouds`, or of one class or bit, such as `cirrus`;
- the number of a class, or of a bit where the mask's band is a bit field;
- an expression over any bands, which is not 0 where a pixel is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from scog.bandmath.expression import Expression, parse
from scog.collections.band_names import band_identifier
from scog.collections.mask_source import MaskSource
from scog.collections.profile import Profile
from scog.composite.dilation import MAX_METRES
from scog.composite.scene_mask import ExpressionRule, NumberRule, SceneMask
from scog.errors import InvalidExpression, InvalidInput
from scog.suggest import did_you_mean, quoted

NONE = "none"
DEFAULT = "default"
"""The default mask of each scene's collection."""
_NAME = re.compile(r"[\w ]*[A-Za-z_][\w ]*", re.ASCII)
"""A part that can only be a name; expressions that are one name have to be written as `name != 0`."""


@dataclass(frozen=True)
class Mask:
    """What a request masks. Equal if `text` and `dilate` are equal: then the same pixels of any scene are masked.

    Pixels within `dilate` metres on the ground of a masked pixel are masked too. Pixels without data are not dilated.

    text         canonical text, which `parse_mask` reads: `none` if nothing is masked
    names        sets, classes and bits whose numbers depend on the collection, and the default set
    numbers      classes or bits
    expressions  each with one output
    """

    text: str
    dilate: float = 0.0
    names: tuple[str, ...] = field(default=(), compare=False)
    numbers: frozenset[int] = field(default=frozenset(), compare=False)
    expressions: tuple[Expression, ...] = field(default=(), compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is masked, so that no band has to be read for it."""
        return self.text == NONE

    def of(self, member: Profile) -> SceneMask:
        """The mask of scenes of one of the request's collections, which has the profile `member`."""
        return _scene_mask(_parsed(member.default_mask, 0.0, member) if self.text == DEFAULT else self, member)


def guessed_numbers(mask: Mask, profile: Profile) -> list[str]:
    """What a mask takes from the names of classes, such as `masked by classes 2, 3 of quality, by their names`."""
    notes = []
    for member in _members(profile):
        source = member.mask
        names = _parsed(member.default_mask, 0.0, member).names if mask.text == DEFAULT else mask.names
        if source is not None and source.guessed:
            numbers = frozenset[int]().union(*(source.numbers_of(name) or () for name in names))
            kind = ("bit" if source.bits else "class") if len(numbers) == 1 else "bits" if source.bits else "classes"
            listed = ", ".join(map(str, sorted(numbers)))
            whose = "its name" if len(numbers) == 1 else "their names"
            notes += [f"masked by {kind} {listed} of {source.band}, by {whose}"] if numbers else []
    return list(dict.fromkeys(notes))


@lru_cache(maxsize=256)
def _scene_mask(mask: Mask, member: Profile) -> SceneMask:
    source = member.mask
    by_name = {name: None if source is None else source.numbers_of(name) for name in mask.names}
    masked = mask.numbers.union(*(numbers for numbers in by_name.values() if numbers is not None))
    unknown = tuple(name for name, numbers in by_name.items() if numbers is None)
    rules: list[NumberRule | ExpressionRule] = []
    if source is None:
        unknown += tuple(map(str, sorted(mask.numbers)))
    elif masked or len(unknown) < len(by_name):
        rules.append(NumberRule(source.band, masked, source.bits, source.invalid, source.invalid_values))
    rules += map(ExpressionRule, mask.expressions)
    return SceneMask(tuple(rules), unknown)


def parse_mask(text: str | None, dilate: float, profile: Profile) -> Mask:
    """The mask of a text, dilated by `dilate` metres; None means the profile's default.

    Raises InvalidInput if the text is not a mask, or if none of the profile's collections has a set, class or bit.
    """
    if not 0 <= dilate <= MAX_METRES:
        valid = f"0 to {MAX_METRES:g}"
        raise InvalidInput(f"mask_dilate must not be {dilate:g} metres.", parameter="mask_dilate", valid=valid)
    mask = _parsed(profile.default_mask if text is None else text, dilate, profile)
    if mask.is_empty and dilate:
        message = "mask_dilate has no effect without a mask."
        raise InvalidInput(message, parameter="mask_dilate", valid="omit mask_dilate, or set a mask")
    return mask


@lru_cache(maxsize=256)
def _parsed(text: str, dilate: float, profile: Profile) -> Mask:
    if text.strip().lower() == DEFAULT:
        text = profile.default_mask
        if text == DEFAULT:
            return Mask(DEFAULT, dilate)
    if text.strip().lower() == NONE:
        return Mask(NONE, dilate)
    names: set[str] = set()
    numbers: set[int] = set()
    expressions: dict[str, Expression] = {}
    for start, part in mask_parts(text):
        if part.isascii() and part.isdecimal():
            numbers.add(_number(part, profile))
        elif _knows(profile, part.lower()):
            names.add(part.lower())
        else:
            expression = _expression(part, start, profile)
            expressions[expression.text] = expression
    return _canonical(names, numbers, expressions.values(), dilate, profile)


def mask_parts(text: str) -> Iterator[tuple[int, str]]:
    """The parts of a mask, without blanks around them, and the column where each starts."""
    start = depth = 0
    for column, character in enumerate(f"{text},"):
        depth = max(0, depth + {"(": 1, ")": -1}.get(character, 0))
        if column == len(text) or (character == "," and not depth):
            part = text[start:column]
            yield start + len(part) - len(part.lstrip()), part.strip()
            start = column + 1


# Named sets, classes and bits


def _members(profile: Profile) -> Sequence[Profile]:
    """The profiles of a profile's collections."""
    return tuple(dict.fromkeys(profile.members.values())) or (profile,)


def _sources(profile: Profile) -> list[MaskSource]:
    return [member.mask for member in _members(profile) if member.mask is not None]


def _knows(profile: Profile, name: str) -> bool:
    return any(source.numbers_of(name) is not None for source in _sources(profile))


def _number(part: str, profile: Profile) -> int:
    """The number of a class or bit. Raises InvalidInput if there is none, or if it depends on the collection."""
    sources = _sources(profile)
    meanings = list(dict.fromkeys(f"{_kind(source)} of {source.band}" for source in sources))
    if not sources:
        raise _invalid(
            f"{profile.title} has no classes or bits to mask, but mask has the number {quoted(part)}", profile
        )
    if len(meanings) > 1:
        message = f"{quoted(part)} is ambiguous: a {' or a '.join(meanings)}, depending on the collection"
        raise _invalid(message, profile)
    number = int(part[:9]) if len(part) < 10 else -1
    masked_members = [member for member in _members(profile) if member.mask is not None]
    known = [member for member in masked_members if number in _known_numbers(member)]
    if not known:
        raise _invalid(f"there is no {_kind(sources[0])} {quoted(part)} in {sources[0].band}", profile)
    named = [_names_of(number, member) for member in known]
    if any(named) and not set(named[0]).intersection(*named):
        listed = dict.fromkeys(names[0] if names else "an unnamed one" for names in named)
        message = f"{_kind(sources[0])} {quoted(part)} of {sources[0].band} is ambiguous: {' or '.join(listed)}"
        raise _invalid(f"{message}, depending on the collection", profile)
    return number


def _names_of(number: int, member: Profile) -> list[str]:
    """The names of a class or bit in a collection."""
    source = member.mask
    assert source is not None
    classes = () if source.bits else member.band(source.band).classes
    names = [name for name, value in source.names.items() if value == number]
    return names or [band_identifier(each.name) for each in classes if each.value == number]


def _kind(source: MaskSource) -> str:
    return "bit" if source.bits else "class"


def _known_numbers(member: Profile) -> frozenset[int] | range:
    """The classes or bits of a collection; if its profile names none, all that a file of 16 bits may have."""
    source = member.mask
    assert source is not None
    classes = () if source.bits else (each.value for each in member.band(source.band).classes)
    named = frozenset(source.names.values()).union(classes)
    return named.union(source.invalid, *source.sets.values()) if named else range(16 if source.bits else 2**16)


def _canonical(
    names: set[str], numbers: set[int], expressions: Iterable[Expression], dilate: float, profile: Profile
) -> Mask:
    """The mask with numbers instead of names where they are equal in all collections, except for the default set."""
    sources = _sources(profile)
    comparable = len({(source.band, source.bits, tuple(sorted(source.names.items()))) for source in sources}) == 1
    comparable &= not any(source.guessed for source in sources)  # a report tells what a name was taken for

    def common_numbers(name: str) -> frozenset[int] | None:
        first, *others = {source.numbers_of(name) for source in sources} if comparable else {None}
        return None if others else first or None  # an empty set keeps its name

    found = {name: common_numbers(name) for name in names}
    all_numbers = frozenset(numbers).union(*(each for each in found.values() if each is not None))
    remaining = tuple(sorted(name for name, each in found.items() if each is None))
    default = profile.default_mask
    if not remaining and all_numbers and all_numbers == common_numbers(default):
        remaining, all_numbers = (default,), frozenset()
    ordered = tuple(sorted(expressions, key=lambda each: each.text))
    text = ",".join((*remaining, *map(str, sorted(all_numbers)), *(each.text for each in ordered)))
    return Mask(text, dilate, remaining, all_numbers, ordered)


# Expressions


def _expression(part: str, start: int, profile: Profile) -> Expression:
    """The expression of a part that starts at a column of the mask. Raises InvalidInput."""
    if part.lower() == NONE:
        raise _invalid(f"{quoted(part)} cannot be combined with other masks", profile)
    if not part:
        raise _invalid("a part of the mask is empty", profile)
    if _NAME.fullmatch(part):
        is_band = part.lower() in profile.names.canonical_names
        hint = f"; for the band, write {part} != 0" if is_band else did_you_mean(part, _all_names(profile))
        raise _invalid(f"there is no set, class or bit {quoted(part)}{hint}", profile)
    if not any(map(str.isalpha, part)):
        raise _invalid(f"{quoted(part)} is not a mask", profile)
    try:
        expression = parse(part, profile.names)
        if expression.text in expression.bands:  # its text would be read as the name of a set
            expression = parse(f"{expression.text} != 0", profile.names)
    except InvalidExpression as error:
        position = None if error.position is None else start + error.position
        raise InvalidExpression(str(error), position=position, parameter="mask", valid=error.valid) from None
    if expression.outputs > 1:
        raise _invalid(f"{quoted(part)} has {expression.outputs} outputs", profile)
    return expression


# Errors


def _invalid(message: str, profile: Profile) -> InvalidInput:
    end = "" if message.endswith("?") else "."
    return InvalidInput(f"{message[0].upper()}{message[1:]}{end}", parameter="mask", valid=valid_masks(profile))


def _all_names(profile: Profile) -> tuple[str, ...]:
    """The sets of all collections, then the classes and bits."""
    sources = _sources(profile)
    sets = (name for source in sources for name in source.sets)
    return tuple(dict.fromkeys((*sets, *(name for source in sources for name in source.names))))


def valid_masks(profile: Profile) -> str:
    """What `mask` may be, for the `valid` of errors."""
    parts = [NONE]
    names = _all_names(profile)
    if names:
        parts.append(f"names separated by commas ({', '.join(names)})")
    masked_members = (member for member in _members(profile) if member.mask is not None)
    parts += dict.fromkeys(map(_valid_numbers, masked_members))
    parts.append("or an expression that is not 0 where pixels are masked")
    return ", ".join(parts)


def _valid_numbers(member: Profile) -> str:
    """The numbers of a collection's classes or bits, such as `classes of scl (0 to 11)`."""
    source = member.mask
    assert source is not None
    numbers = sorted(_known_numbers(member))
    is_range = len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1
    listed = f"{numbers[0]} to {numbers[-1]}" if is_range else ", ".join(map(str, numbers))
    return f"{'bits' if source.bits else 'classes'} of {source.band} ({listed})"
