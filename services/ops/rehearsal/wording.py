"""Each check, and what it found, in the words of the office: Japanese and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.ops.rehearsal.faults import FAULTS, Words, said
from shared.programme import Bilingual
from shared.readiness import Finding, Unasked

CHECKS: Mapping[str, Bilingual] = {
    "answer": Bilingual("サービスの応答", "The service answers"),
    "database": Bilingual("データベース", "Database"),
    "migrations": Bilingual("表の版", "Version of the tables"),
    "outbox": Bilingual("送り出し待ち", "Outbox"),
    "clock": Bilingual("時計", "Clock"),
    "certificates": Bilingual("接続の証明書", "Certificates of connections"),
    "object-storage": Bilingual("保管庫", "Object storage"),
    "cohort": Bilingual("発行する年度", "Cohort"),
    "signing-key": Bilingual("署名鍵", "Signing key"),
    "did-document": Bilingual("公開鍵の掲載", "Public key in did.json"),
    "chain-key": Bilingual("チェーンの鍵", "Chain key"),
    "chain-key-listed": Bilingual("チェーンの公開鍵の掲載", "Chain key in did.json"),
    "chain": Bilingual("チェーン", "Chain"),
    "pdf-signature": Bilingual("PDFの署名の証明書", "Certificate of the PDFs' signature"),
    "relay": Bilingual("メールの中継", "Mail relay"),
    "relay-certificate": Bilingual("メールの中継の証明書", "Certificate of the mail relay"),
    "dns-mx": Bilingual("DNSのMX", "DNS: MX"),
    "dns-spf": Bilingual("DNSのSPF", "DNS: SPF"),
    "dns-dkim": Bilingual("DNSのDKIM", "DNS: DKIM"),
    "dns-dmarc": Bilingual("DNSのDMARC", "DNS: DMARC"),
    "letters": Bilingual("お知らせの所要時間", "Time of the letters"),
    "topics": Bilingual("Kafkaのトピック", "Kafka topics"),
    "pages": Bilingual("公開のページ", "Public pages"),
    "disks": Bilingual("ディスクの空き", "Disk space"),
    "backup": Bilingual("控え", "Backup"),
}
"""By name, in the order in which they are shown."""


UNASKED: Mapping[Unasked, Words] = {
    "clock-played": said(
        "AKASHI_CLOCK の時刻（{at}）で動いています。",
        "It runs on the clock set by AKASHI_CLOCK ({at}).",
        "練習ならこのままで。本番では AKASHI_CLOCK を外します。",
        "Fine for practice; in production remove AKASHI_CLOCK.",
    ),
    "dns-off": said(
        "DNS を確かめない設定です。",
        "DNS is not checked.",
        "本番では mailer の DNS_SERVERS を system にします。",
        "In production set DNS_SERVERS of the mailer to system.",
    ),
    "dkim-by-relay": said(
        "DKIM の署名は中継サーバーに任せる設定です。",
        "DKIM signatures are left to the relay.",
        "中継サーバーが署名しているか、届いたメールのヘッダーで確かめます。",
        "Check the headers of a received letter for the relay's signature.",
    ),
    "no-tls": said(
        "暗号の証明書は使っていません。",
        "No certificate is in use.",
        "1台の中だけでつながるなら、このままで。",
        "Fine where everything is on one machine.",
    ),
    "no-disks": said(
        "空きを見るディスクが決まっていません。",
        "No disk is set.",
        "ops の DISKS に、データのあるフォルダーを書きます。",
        "Set the folders of data in DISKS of ops.",
    ),
    "no-backup-folder": said(
        "控えの場所が決まっていません。",
        "No folder of backups is set.",
        "控えの新しさを確かめます。ops の BACKUP_FOLDER に書くと、次からここで分かります。",
        "Check how old the last backup is; with BACKUP_FOLDER of ops it is shown here.",
    ),
    "no-signature": said(
        "PDFに電子署名を入れない設定です。",
        "PDFs are not signed.",
        "入れるときは SIGNING_KEY_FILE を設定します（docs/certificates.md）。",
        "To sign them, set SIGNING_KEY_FILE (docs/certificates.md).",
    ),
    "no-pages": said(
        "確かめる公開のページが決まっていません。",
        "No public page is set.",
        "ops の PUBLIC_PAGES に、公開のページのURLを書きます。",
        "Set the URLs of the public pages in PUBLIC_PAGES of ops.",
    ),
    "did-not-yet": said(
        "did.json はまだ公開されていません。",
        "did.json is not published yet.",
        "最初の発行で公開されます。先に確かめるには akashi issuer publish を実行します。",
        "The first badge publishes it; akashi issuer publish does so earlier.",
    ),
}

_UNKNOWN = said(
    "{code}",
    "{code}",
    "新しい版のサービスの言葉です。ops も新しい版にします。",
    "A code of a newer release: upgrade ops, too.",
)


_BY_CODE: Mapping[str, Words] = {**dict[str, Words](FAULTS.items()), **dict[str, Words](UNASKED.items())}


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "–"


def words_of(finding: Finding) -> Words | None:
    """None when all is well."""
    if finding.code is None:
        return None
    words = _BY_CODE.get(finding.code, _UNKNOWN)
    facts = _Known({**finding.facts, "about": finding.about, "code": finding.code})
    return Words(*(Bilingual(text.ja.format_map(facts), text.en.format_map(facts)) for text in words))
