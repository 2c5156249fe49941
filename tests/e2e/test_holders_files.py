"""A holder who hides the numbers takes every file out of the wallet; others verify what he hands them.

By the picture, by the export, and by an offer to another wallet.
"""

from __future__ import annotations

import html
import re
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import pypdfium2

from deploy.local.demo.holders import password_of
from deploy.local.loopback import ask
from deploy.local.stack import Stack
from tests.worlds.office import akashi, done, shown_as
from tests.worlds.outside_verifier import ask_node
from tests.worlds.story import Story


def test_files_of_a_holder_with_hidden_numbers_are_his_alone_and_verify(stack: Stack, tmp_path: Path) -> None:
    story = Story(stack, "HOLDER", 2)
    story.feed()
    story.play()
    story.completes()
    badge = story.people()[0]["assertion_id"]
    [address] = {letter.to for letter in story.letters if letter.link and badge in letter.link}
    public = f"{stack.urls['verifier']}/credentials/{badge}.png"
    with httpx.Client(base_url=stack.urls["wallet"], follow_redirects=True, trust_env=False) as browser:
        browser.post("/login", data={"email": address, "password": password_of(address)})
        browser.post(f"/badges/{badge}/details", data={"details": "hidden"})
        shown_as(stack, badge, "ご本人が公開していません")
        assert ask.get(public).status_code == 403
        files = {
            "badge.png": browser.get(f"/badges/{badge}/badge.png").content,
            "badge.svg": browser.get(f"/badges/{badge}/badge.svg").content,
            "credential.json": browser.get(f"/badges/{badge}/credential.json").content,
        }
        archive = zipfile.ZipFile(BytesIO(browser.get("/export.zip").raise_for_status().content))
        page = browser.post(f"/badges/{badge}/offer").raise_for_status().text
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        done(akashi(stack, "verify", str(tmp_path / name)))
    pdfs = [name for name in archive.namelist() if name.endswith(".pdf")]
    assert len(pdfs) == 2 and all(len(pypdfium2.PdfDocument(archive.read(name))) >= 1 for name in pdfs)
    [png] = [name for name in archive.namelist() if name.endswith(".png")]
    assert archive.read(png) == files["badge.png"]

    offer = re.search(r'href="(openid-credential-offer:[^"]+)"', page)
    assert offer
    [taken] = ask_node("take_offer.mjs", [{"offer": html.unescape(offer[1])}])
    assert taken["credential"]["id"].endswith(f"/credentials/{badge}.json"), taken
