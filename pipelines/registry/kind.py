"""What is known of one kind of registry. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipelines.registry.answers import Meaning


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is known of one kind of registry. `{host}` and `{region}` in its texts are filled in for a registry.

    :param name: for people.
    :param pattern: of the hosts; its group `region`, if it has one, is the cloud's.
    :param host: of its API, if that is another than its name.
    :param username: the only user name that it takes; None if users have names of their own.
    :param refresh_user: the user name that goes with a refresh token, which Docker's configuration keeps as one.
    :param token_is_user: the token is given twice, as user name and as password.
    :param give: what is given as the password.
    :param login: a command that logs in; secrets come by standard input.
    :param create: a command that must be run before the first push; None if a push makes its repository.
    :param creates: the same in words.
    :param referrers: whether it has the referrers API; None: it is asked, and attachments are looked for both ways.
    :param deletes: whether its registry API deletes manifests.
    :param delete: how to delete, for people, where it does not.
    :param catalog: whether it lists its repositories.
    :param refusals: (expression, remedy): what to do about refusals in its own words.
    """

    id: str
    name: str
    pattern: str
    host: str = "{host}"
    username: str | None = None
    refresh_user: str | None = None
    token_is_user: bool = False
    give: str = "the password"
    login: str = "sealift registry login {host} --username NAME --password-stdin"
    create: str | None = None
    creates: str = "the first push makes it"
    referrers: bool | None = None
    deletes: bool = True
    delete: str = ""
    catalog: bool = False
    refusals: tuple[tuple[str, str], ...] = field(default=())

    @property
    def login_host(self) -> str:
        """The host under which Docker's configuration keeps the login."""
        return "docker.io" if self.id == "docker-hub" else self.host

    @property
    def setup(self) -> tuple[str, ...]:
        """What a user needs before the first push, line by line."""
        user = f"user name: {self.username}; " if self.username else ""
        lines = [f"{user}password: {self.give}", f"log in: {self.login}"]
        if self.create:
            lines.append(f"before the first push: {self.create}")
        return tuple(lines)

    def advice(self, found: Meaning, text: str) -> str:
        """What to do about a refusal.

        :param text: the registry's own.
        """
        for expression, remedy in self.refusals:
            if re.search(expression, text, re.IGNORECASE):
                return remedy
        if found is Meaning.UNAUTHORIZED:
            own = f" ({self.name}: {'user name ' + self.username + ', ' if self.username else ''}{self.give})"
            return f"{Meaning.UNAUTHORIZED.value}: {self.login}{own if self.id != 'self-hosted' else ''}"
        if found is Meaning.NO_DELETE and self.delete:
            return f"this registry does not delete over its API: {self.delete}"
        if found is Meaning.NOT_FOUND and self.create:
            return f"the repository must be there before a push: {self.create}"
        return str(found.value)
