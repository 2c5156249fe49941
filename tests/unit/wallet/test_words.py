"""What holders read has one name for each thing: letters, wallet, 内容詳細, and the texts of the programme."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.mailer.domain.requested import WHAT

SERVICES = Path(__file__).parents[3] / "services"
TEXTS = {
    str(path.relative_to(SERVICES)): path.read_text(encoding="utf-8")
    for folder in ("wallet/templates", "mailer/letters")
    for path in sorted((SERVICES / folder).rglob("*.*"))
}
TEXTS["requested.py"] = "\n".join(f"{what.ja} {what.en}" for what in WHAT.values())
TEXTS["details.py"] = (SERVICES / "renderer/domain/details.py").read_text(encoding="utf-8")
TEXTS["jci.toml"] = (SERVICES.parent / "deploy/programmes/jci.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("申込番号", ("注文番号", "ご注文", "受注番号")),  # to be written on the bank transfer
        ("QRコード", ("二次元コード", "2次元コード")),
        ("端末", ("機器",)),
        ("証明書のデータ", ("証明書データ", "検証用ファイル")),
        ("済み", ("ずみ", "済です")),
        ("追加", ("加わりました",)),
        ("取り消し", ("取消", "失効")),
        ("いりません", ("要りません",)),
        ("e-mail", ("email address", "Email address")),
    ],
)
def test_letters_and_pages_have_one_name_for_one_thing(name: str, others: tuple[str, ...]) -> None:
    assert any(name in text for text in TEXTS.values())
    assert [(place, other) for place, text in TEXTS.items() for other in others if other in text] == []
