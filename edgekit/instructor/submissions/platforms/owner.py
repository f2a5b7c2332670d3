"""What a platform says of one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """A student as a platform names one, and which attempt a file is.

    Args:
        platform: "moodle", "canvas" ...
        name, login, number, email: what the platform says; "" for what it does not. ``number`` is its own id of the student.
        depth: how many names of the path are the platform's; what follows is the student's.
        ends: how many letters of the last of these are the platform's, where the student's own name of the file follows.
        when: when it was handed in, ISO 8601, as exact as the platform says it; "" where it does not.
        late: whether the platform calls it late; None where it does not say.
        within: the folders of the download whose number it is, where each download numbers its students anew; None where the number
            is the student's everywhere.
        attempt: sorts the attempts of one student; "" where the platform keeps only one.
    """

    platform: str
    name: str = ""
    login: str = ""
    number: str = ""
    email: str = ""
    depth: int = 0
    ends: int = 0
    when: str = ""
    late: bool | None = None
    attempt: str = ""
    within: tuple[str, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells two students of a platform apart."""
        return self.platform, self.number or self.login or self.email or self.name

    @property
    def label(self) -> str:
        """The student's name where nobody else has it."""
        return self.name or self.login or self.email or self.number
