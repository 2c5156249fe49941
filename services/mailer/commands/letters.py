"""`akashi letters preview`: every letter as its readers see it, in files."""

from __future__ import annotations

from pathlib import Path

import click

from shared.runtime.commands import say


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--programme",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="PROGRAMME_FILE",
    required=True,
    help="学会の設定ファイル（指定がなければ PROGRAMME_FILE）。 / The programme file (default: PROGRAMME_FILE).",
)
def preview(folder: Path, file: Path) -> None:
    """全種類のお知らせを、架空の人あてに FOLDER に書き出す。 / Write every letter, to a made-up person, into FOLDER.

    送信はしない。1通につき3つのファイル：NAME.html（ブラウザーで見る）、NAME.txt、NAME.eml（メールソフトで開く）。リンクはつながらない。
    / Three files a letter: NAME.html for a browser, NAME.txt, NAME.eml for a mail program. Nothing is sent; the links
    lead nowhere.
    """
    from services.mailer.domain.letters import LetterWriter
    from services.mailer.domain.mime import compose
    from services.mailer.domain.samples import sample_messages
    from shared.clock import system_clock
    from shared.programme import parse_programme

    try:
        programme = parse_programme(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from error
    writer = LetterWriter(programme, "https://wallet.example.jp", "https://example.jp", b"no secret, no link")
    folder.mkdir(parents=True, exist_ok=True)
    for name, message in sample_messages(programme):
        mail = writer.compose(message)
        (folder / f"{name}.html").write_text(mail.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(f"{mail.subject}\n\n{mail.text}", encoding="utf-8")
        (folder / f"{name}.eml").write_bytes(compose(mail, system_clock()))
        say(f"{folder / name}  {mail.subject}")
