"""Labelled texts: a JSON object a line with `text`, its true `type`, and maybe `id`, `kind`, `plain`, `ok_tiers` (all
tiers that are acceptable), `source` and `lang`. A type of `NO_TIER` has no acceptable tier; a line with a `category` in
the place of a type is everyday work.

`PERTURBATIONS` give the same text as a hasty writer would send it: what it asks for stays, and so should its tier. The
random source is seeded by the text, so that every run changes a text in the same way.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.toolchain import ROOT
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from pointsman_cli import reading
from pointsman_cli.errors import BadInputError

NO_TIER = ("vague", "follow_up", "oos")
"""What stands for a type where no tier is acceptable: no task, one that continues another, not this kind of work."""
OWN_SETS = ROOT / "tests" / "data"


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what it asks for."""

    id: str
    text: str
    type: TaskType | None
    """None: it has none of the types."""
    kind: str | None = None
    """What is special about it, in its writer's words; figures are split by it."""
    plain: str | None = None
    """Of a text with an instruction that tries to steer: the text without it."""

    ok_tiers: tuple[Tier, ...] = ()
    """The acceptable tiers; none of a text that asks for nothing, or for nothing of this work."""
    source: str | None = None
    """Where it comes from; what stands before a colon counts."""
    lang: str | None = None

    @property
    def tier(self) -> Tier:
        """The tier that the type belongs to, else the first acceptable one."""
        return TIER_OF[self.type] if self.type else self.ok_tiers[0]

    def gap(self, chosen: Tier) -> int:
        """Return by how many steps a tier is too cheap (below 0) or too dear; 0 of an acceptable one.

        Between two acceptable tiers it counts as too cheap.
        """
        if chosen in self.ok_tiers:
            return 0
        rank = {tier: number for number, tier in enumerate(Tier)}
        ranks = [rank[tier] for tier in self.ok_tiers]
        above = [acceptable for acceptable in ranks if acceptable > rank[chosen]]
        return rank[chosen] - (min(above) if above else max(ranks))


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The texts of one file."""

    name: str
    """The file's name without its ending."""
    examples: tuple[Example, ...]


def read_examples(file: Path) -> LabelledSet:
    """Return the texts of a file.

    Raises:
        BadInputError: It cannot be read, a line is no labelled text, or there is none.
    """
    examples = tuple(
        _example(raw, file, number) for number, raw in enumerate(reading.read_lines(file), 1) if raw.strip()
    )
    if not examples:
        raise BadInputError(f"{file}: has no texts")
    return LabelledSet(file.stem, examples)


def own_sets() -> list[Path]:
    """Return the project's own files.

    Raises:
        BadInputError: There are none here.
    """
    if files := sorted(OWN_SETS.glob("*.jsonl")):
        return files
    raise BadInputError("the project's own texts are not here: name a file of labelled texts")


def _example(raw: bytes, file: Path, number: int) -> Example:
    try:
        line = reading.parse_line(raw)
    except reading.BrokenLineError as error:
        raise BadInputError(f"{file}, line {number}: {error}") from None
    text, type_name, kind, plain = (line.get(name) for name in ("text", "type", "kind", "plain"))
    if not isinstance(text, str) or not text.strip():
        raise BadInputError(f"{file}, line {number}: text: must be a string that is not blank")
    type_ = TaskType(type_name) if type_name in list(TaskType) else None
    everyday = type_name is None and isinstance(line.get("category"), str)
    if type_ is None and type_name not in NO_TIER and not everyday:
        raise BadInputError(f"{file}, line {number}: type: must be one of {', '.join((*TaskType, *NO_TIER))}")
    tiers = line.get("ok_tiers") or ([TIER_OF[type_]] if type_ else [Tier.ORCHESTRATION] if everyday else [])
    if not isinstance(tiers, list) or not all(tier in list(Tier) for tier in tiers):
        raise BadInputError(f"{file}, line {number}: ok_tiers: must be a list of {', '.join(Tier)}")
    return Example(
        str(line.get("id", number)),
        text,
        type_,
        str(kind) if kind else None,
        plain if isinstance(plain, str) else None,
        tuple(Tier(tier) for tier in tiers),
        line.get("source") if isinstance(line.get("source"), str) else line.get("category"),
        line.get("lang") if isinstance(line.get("lang"), str) else None,
    )


_WORD = re.compile(r"[^\W\d_]{4,}")
WORDS_PER_ERROR = 8
"""One word of so many, of four letters or more, gets a typing error; at least one does."""


def with_typing_errors(text: str) -> str:
    """Return the text with letters swapped, left out or doubled."""
    words = list(_WORD.finditer(text))
    source = random.Random(f"typing errors:{text}")  # noqa: S311  (repeatable on purpose)
    count = min(len(words), max(1, len(words) // WORDS_PER_ERROR))
    for word in sorted(source.sample(words, count), key=lambda word: -word.start()):
        text = text[: word.start()] + _misspelt(word[0], source) + text[word.end() :]
    return text


def _misspelt(word: str, source: random.Random) -> str:
    place = source.randrange(1, len(word) - 1)
    kind = source.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place] + word[place:]


PERTURBATIONS: Mapping[str, Callable[[str], str]] = {
    "typing errors": with_typing_errors,
    "lower case": str.lower,
    "capitals": str.upper,
}
