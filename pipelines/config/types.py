"""The kinds of values that the configuration is made of: each is checked at the edge, and says what it asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipelines.config.problems import nearest
from pipelines.licences import listed
from pipelines.model import PLATFORM, Platform

# Each pattern with what it asks for in words: that is what an error says.
NAME = r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$"
BUILD_ARG = r"^[A-Za-z_][A-Za-z0-9_]*$"
LINE = r"^[^\n]*$"
URL_PATH = r"^/[^\s]*$"
TAG_PREFIX = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$|^$"
PATTERNS = {
    NAME: "lower-case letters and digits, separated by single '.', '_' or '-'",
    BUILD_ARG: "the name of a build argument: letters, digits and '_', no digit first",
    LINE: "text on one line",
    URL_PATH: "a path that starts with '/' and has no spaces",
    TAG_PREFIX: "at most 32 letters, digits, '_', '.' or '-', the first of them no '.' or '-'",
}

Name = Annotated[str, Field(pattern=NAME, max_length=63)]
ServiceName = Annotated[str, Field(pattern=NAME, max_length=63, description="Name of a service, and of its image.")]
BuildArg = Annotated[str, Field(pattern=BUILD_ARG)]
Line = Annotated[str, Field(pattern=LINE)]
Text = Annotated[str, Field(min_length=1, pattern=LINE)]
# Strict: YAML has numbers and booleans of its own, and `port: yes` must not become 1.
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]


# What may stand behind the slash, as people write it, and the platform that is meant.
_MEANT = {name: f"linux/{name}" for name in ("amd64", "arm64", "arm/v7", "386", "ppc64le", "riscv64", "s390x")}
_MEANT |= {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def _platform(value: str) -> str:
    try:
        return str(Platform(value))
    except ValueError as error:
        near = nearest(value.partition("/")[2] or value, _MEANT)
        raise ValueError(f"{error}; did you mean '{_MEANT[near]}'?" if near else str(error)) from None


LicenceName = Annotated[Text, AfterValidator(listed)]
PlatformName = Annotated[
    str,
    AfterValidator(_platform),
    Field(examples=["linux/amd64", "linux/arm64"], json_schema_extra={"pattern": f"^{PLATFORM}$"}),
]


def _whole(value: object) -> object:
    """Python, and so a Literal, takes true and 1.0 for 1."""
    if type(value) is not int:
        raise ValueError("expected the number 1")
    return value


FormatOne = Annotated[Literal[1], BeforeValidator(_whole)]


class Strict(BaseModel):
    """Unknown keys are errors; values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
