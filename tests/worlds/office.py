"""What the stories about the office's orders have in common: its command, the public pages, the printed PDFs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pypdfium2
from click.testing import CliRunner, Result

from deploy.local.loopback import ask
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from services.ops.cli import akashi as commands
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from tests.worlds.story import until


def akashi(stack: Stack, *words: str, settings_of: str = "verifier") -> Result:
    """`akashi WORDS`, run in this process: half a second of CPU less than in one of its own."""
    place = {"AKASHI_HOME": str(stack.home), "AKASHI_PORT_BASE": str(stack.port_base)}
    result = CliRunner().invoke(commands(), words, env=stack.environment(settings_of) | place)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(result: Result) -> str:
    """What a command said that did what it was to do."""
    assert result.exit_code == 0, f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def life(stack: Stack, registration_id: str) -> dict[str, Any]:
    answer = ask_ops(stack.place, f"/api/v1/people/{registration_id}")
    return dict(answer.raise_for_status().json())


def status(stack: Stack) -> dict[str, Any]:
    return dict(json.loads(done(akashi(stack, "status", "--json"))))


def page(stack: Stack, assertion_id: str) -> str:
    """The public page of a badge, as one reads it."""
    answer = ask.get(f"{stack.urls['verifier']}/V/{assertion_id}", headers={"accept-language": "ja"})
    return answer.raise_for_status().text.replace("<wbr>", "")


def shown_as(stack: Stack, assertion_id: str, *words: str, seconds: float = 60) -> str:
    """The public page, as soon as all of `words` are on it."""

    def look() -> str:
        text = page(stack, assertion_id)
        return text if all(word in text for word in words) else ""

    return str(
        until(look, seconds=seconds, what=f"the page of {assertion_id} says {words}", forgive=(httpx.HTTPError,))
    )


VALID = "有効な"
REVOKED = "取り消された証明書です"
CORRECTED = "訂正され、新しい証明書に替わりました"


def matches(stack: Stack, seconds: float = 60) -> dict[str, Any]:
    """The status as the command says it, as soon as all counts match and no service lags."""

    def is_at_rest(found: dict[str, Any]) -> bool:
        return bool(found["matches"]) and not any(found["lag"].values())

    def look() -> dict[str, Any]:
        # The command takes a second of CPU: it is asked when the API says that it is worth it.
        if not is_at_rest(ask_ops(stack.place, "/api/v1/status").raise_for_status().json()):
            return {}
        found = status(stack)
        return found if is_at_rest(found) else {}

    return dict(until(look, seconds=seconds, what="all counts match"))


def printed(stack: Stack, assertion_id: str, document: str) -> str:
    """The text of a PDF, without spaces."""
    objects = Objects(read_object_storage(Settings(stack.environment("renderer"))))
    pdf = pypdfium2.PdfDocument(objects.get(f"certificates/{assertion_id}/{document}.pdf"))
    try:
        return "".join("".join(p.get_textpage().get_text_range() for p in pdf).split())
    finally:
        pdf.close()
