"""Each fault that a check can find, with its next step, in the words of the office: Japanese and English. Pure.

`{about}` and the names of a finding's facts are filled in by `wording.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shared.programme import Bilingual
from shared.readiness import FaultCode


class Words(NamedTuple):
    """What was found, and the next step."""

    found: Bilingual
    next: Bilingual


def said(ja: str, en: str, next_ja: str, next_en: str) -> Words:
    return Words(Bilingual(ja, en), Bilingual(next_ja, next_en))


_PUT_BACK = (
    "控えか鍵の保管場所から元のファイルを戻し、所有者だけが読めるようにします（chmod 600）。",
    "Restore the file from the backup or the key store, readable by its owner only (chmod 600).",
)
_PUBLISH_DID = (
    "issuer の環境で akashi issuer publish を実行し、公開の did.json を確かめます。",
    "Run akashi issuer publish in the issuer's environment, then check the public did.json.",
)
_NEW_CERTIFICATE = (
    "新しい証明書を取り、ファイルを置き換えて、使うサービスを再起動します。",
    "Get a new certificate, replace the file, and restart the services that use it.",
)

FAULTS: Mapping[FaultCode, Words] = {
    "no-answer": said(
        "応答がありません（{cause}）。",
        "No answer ({cause}).",
        "サービスが動いているか、ops から {about} に届くかを確かめます。",
        "Check that it runs, and that ops can reach {about}.",
    ),
    "not-allowed": said(
        "鍵が違うと断られました。",
        "Our key was refused.",
        "READINESS_KEY_FILE を ops と同じ内容にし、そのサービスを再起動します。",
        "Give the service the same READINESS_KEY_FILE as ops, and restart it.",
    ),
    "not-set-up": said(
        "予行に答える設定がありません。",
        "It is not configured to answer a rehearsal.",
        "READINESS_KEY_FILE をすべてのサービスに、METRICS_URLS を ops に設定します（docs/settings.md）。",
        "Set READINESS_KEY_FILE for every service, and METRICS_URLS for ops (docs/settings.md).",
    ),
    "late": said(
        "{seconds}秒待っても終わりません。",
        "Not done after {seconds} s.",
        "つながる先が動いているか、ネットワークで届くかを確かめ、もう一度予行します。",
        "Check that the other side runs and can be reached, then rehearse again.",
    ),
    "raised": said(
        "確かめられませんでした（{cause}）。",
        "Could not be checked ({cause}).",
        "そのサービスのログを確かめ、もう一度予行します。",
        "Check the service's log, then rehearse again.",
    ),
    "database-away": said(
        "データベースが使えません（{cause}）。",
        "The database can't be used ({cause}).",
        "PostgreSQL が動いているか、空きがあるか、DATABASE_URL が正しいかを確かめます。",
        "Check that PostgreSQL runs and has disk space, and that DATABASE_URL is correct.",
    ),
    "database-slow": said(
        "短い問い合わせに{seconds}秒かかりました。",
        "A short query took {seconds} s.",
        "データベースの負荷と、待っている問い合わせ（pg_stat_activity）を確かめます。",
        "Check the database's load and the waiting queries (pg_stat_activity).",
    ),
    "schema-newer": said(
        "表は版 {got} で、このサービスは {expected} までしか知りません。",
        "The tables are at {got}; this service knows {expected}.",
        "入れ替えの途中です。残りのサービスも新しい版にします（docs/recovery.md）。",
        "An upgrade is half done: upgrade the other replicas to the new release.",
    ),
    "schema-older": said(
        "表は版 {got} で、このサービスには {expected} が要ります。",
        "The tables are at {got}; this service needs {expected}.",
        "サービスを再起動します。起動のときに表が新しくなります。",
        "Restart the service: it migrates its tables at start.",
    ),
    "outbox-old": said(
        "Kafka への送り出しが{seconds}秒止まっています。",
        "Messages to Kafka have waited for {seconds} s.",
        "Kafka が動いているか、トピックに書けるかを確かめます。届くようになると自動で出ます。",
        "Check that Kafka runs and that we may write; the messages are then sent by themselves.",
    ),
    "outbox-refused": said(
        "Kafka が受け取らないものが{rows}件あります。",
        "Kafka permanently refuses {rows} messages.",
        "ログにあるトピックの max.message.bytes を上げ、akashi rebuild で送り直します。",
        "Raise max.message.bytes of the topic in the log, then send again by akashi rebuild.",
    ),
    "clock-differs": said(
        "{about} の時計と{seconds}秒ずれています。",
        "Its clock and that of {about} are {seconds} s apart.",
        "両方の計算機で時刻の同期（NTP）を直します。ずれると発行の時刻と期限が違ってきます。",
        "Fix the time synchronisation (NTP) of both machines: days and deadlines depend on it.",
    ),
    "certificate-ended": said("{about}：{on} に期限が切れました。", "{about}: ended on {on}.", *_NEW_CERTIFICATE),
    "certificate-ends": said(
        "{about}：期限は {on}（あと{days}日）です。", "{about}: ends on {on}, in {days} days.", *_NEW_CERTIFICATE
    ),
    "certificate-unreadable": said(
        "{about}：証明書として読めません（{cause}）。",
        "{about}: can't be read as a certificate ({cause}).",
        "PEM の証明書を置き、サービスから読めるようにします。",
        "Put a PEM certificate there that the service can read.",
    ),
    "certificate-untrusted": said(
        "{about}：証明書を信頼できません（{cause}）。",
        "{about}: its certificate is not trusted ({cause}).",
        "名前と発行者を確かめます。自前の認証局なら、その証明書を設定します（メールは SMTP_CA_FILE）。",
        "Check its name and issuer; set the certificate of a private authority (for mail SMTP_CA_FILE).",
    ),
    "storage-away": said(
        "保管庫が答えません（{cause}）。",
        "Object storage doesn't answer ({cause}).",
        "保管庫が動いているか、S3_ENDPOINT と鍵のファイルが正しいかを確かめます。",
        "Check that it runs, and that S3_ENDPOINT and the credentials are correct.",
    ),
    "cohort-over": said(
        "設定は {about} 年度で、{began} に始まったものです。",
        "COHORT is {about}, which began on {began}.",
        "registration の COHORT を次の年度にし、再起動します。",
        "Set COHORT of registration to the coming one, and restart it.",
    ),
    "cohort-held": said(
        "{about} の発行を、{by} が {since} から止めています。",
        "The issue of {about} is held by {by} since {since}.",
        "発行するときは、ボードの「年度の再開」か akashi resume-cohort で再開します。",
        "When it is to be issued, resume it on the board or by akashi resume-cohort.",
    ),
    "cohort-unknown": said(
        "登録の受付から人数を聞けません（{cause}）。",
        "Registration doesn't give the figures of the cohort ({cause}).",
        "REGISTRATION_URL と OFFICE_KEY_FILE の設定、登録の受付が動いているかを確かめます。",
        "Check REGISTRATION_URL and OFFICE_KEY_FILE, and that registration runs.",
    ),
    "key-unreadable": said("{about} を読めません（{cause}）。", "{about} can't be read ({cause}).", *_PUT_BACK),
    "key-replaced": said(
        "{about} は、動いているサービスの鍵ではありません（ファイル {got}、使用中 {expected}）。",
        "{about} is not the key in use (the file has {got}, in use is {expected}).",
        "意図した交換なら docs/credentials.md の手順を終えます。違うなら元のファイルを戻します。",
        "If it is being replaced, finish that as docs/credentials.md says; otherwise restore the former file.",
    ),
    "did-unreadable": said("did.json を読めません（{cause}）。", "did.json can't be read ({cause}).", *_PUBLISH_DID),
    "did-lacks-key": said(
        "公開の did.json に、いまの鍵（{key}）がありません。検証が通りません。",
        "The public did.json lacks the key in use ({key}): no verifier will accept it.",
        *_PUBLISH_DID,
    ),
    "chain-away": said(
        "{about}：接続先が答えないか、答えが一致しません（{cause}）。",
        "{about}: the endpoints don't answer or disagree ({cause}).",
        "akashi anchor status で確かめ、NETWORKS_FILE の接続先を足すか替えます。",
        "Check akashi anchor status; add or replace endpoints in NETWORKS_FILE.",
    ),
    "chain-warns": said(
        "{about}：{warnings}",
        "{about}: {warnings}",
        "akashi anchor status の注意に従います。",
        "Follow the warnings of akashi anchor status.",
    ),
    "balance-low": said(
        "{about}：残高は、あと{roots}回分です（要るのは{needed}回分）。",
        "{about}: the balance pays for {roots} roots, needed are {needed}.",
        "{address} に送金します。",
        "Send ether to {address}.",
    ),
    "endpoints-few": said(
        "{about}：接続先{of}か所のうち、使えるのは{sound}か所です。",
        "{about}: {sound} of {of} endpoints can be used.",
        "akashi anchor status で外れている接続先を確かめ、NETWORKS_FILE を直します。",
        "akashi anchor status names those that are left out; correct NETWORKS_FILE.",
    ),
    "contract-refuses": said(
        "{about}：コントラクトが記録を受け付けません（{cause}）。",
        "{about}: the contract would refuse a root ({cause}).",
        "アカウントに記録の役割があるか、コントラクトのアドレスが正しいかを確かめます（docs/testnet.md）。",
        "Check that our account has the role, and that the contract's address is correct (docs/testnet.md).",
    ),
    "network-ends": said(
        "{about}：{on} に終わる予定で、バッジは {until} まで有効です。",
        "{about} ends on {on}; badges are valid until {until}.",
        "より長く続くネットワークを NETWORKS_FILE に足します（docs/testnet.md）。",
        "Add a network that lasts longer to NETWORKS_FILE (docs/testnet.md).",
    ),
    "relay-away": said(
        "{about} につながりません（{cause}）。",
        "{about} can't be reached ({cause}).",
        "中継サーバーが動いているか、SMTP_HOST と SMTP_PORT、途中の防火壁を確かめます。",
        "Check that the relay runs; check SMTP_HOST, SMTP_PORT and firewalls on the way.",
    ),
    "relay-refuses": said(
        "{about} に断られました（{answer}）。",
        "{about} refuses us ({answer}).",
        "中継サーバーの管理者に、送り元として許されているかを確かめます。",
        "Ask the relay's administrator whether we may send.",
    ),
    "relay-login-refused": said(
        "{about}：ログインを断られました（{answer}）。",
        "{about}: the login was refused ({answer}).",
        "SMTP_USER と SMTP_PASSWORD_FILE を確かめます。",
        "Check SMTP_USER and SMTP_PASSWORD_FILE.",
    ),
    "relay-no-starttls": said(
        "{about} は STARTTLS を受けません。",
        "{about} offers no STARTTLS.",
        "ポート（587）と SMTP_TLS（starttls か implicit）を確かめます。",
        "Check the port (587) and SMTP_TLS (starttls or implicit).",
    ),
    "relay-no-auth": said(
        "{about} はログインを受けません。",
        "{about} offers no login.",
        "投函用のポート（587）かを確かめます。ログインが要らないなら SMTP_USER を外します。",
        "Check that it is the submission port (587); if no login is needed, remove SMTP_USER.",
    ),
    "relay-plain": said(
        "{about} へ、暗号なしで送る設定です。",
        "Letters go to {about} without encryption.",
        "SMTP_TLS を starttls か implicit にします。",
        "Set SMTP_TLS to starttls or implicit.",
    ),
    "dns-away": said(
        "{about}：DNS が答えません（{cause}）。",
        "{about}: no answer from DNS ({cause}).",
        "名前解決を確かめ、もう一度予行します。問い合わせ先は DNS_SERVERS で変えられます。",
        "Check name resolution, then rehearse again; DNS_SERVERS sets other servers.",
    ),
    "mx-missing": said(
        "{about} に MX がありません。",
        "{about} has no MX.",
        "DNS に MX を足します。ないと不達の知らせが届かず、差出人を疑う受信側もあります。",
        "Add an MX record: without it bounces don't reach us, and some receivers mistrust the sender.",
    ),
    "spf-missing": said(
        "{about} に SPF がありません。",
        "{about} has no SPF record.",
        "中継サーバーを許す TXT（v=spf1 … -all）を DNS に足します（docs/mail.md）。",
        "Add a TXT record that allows the relay: v=spf1 … -all (docs/mail.md).",
    ),
    "spf-several": said(
        "{about} に SPF が{count}件あり、どれも無効になります。",
        "{about} has {count} SPF records, so none of them is valid.",
        "1件にまとめます。",
        "Merge them into one.",
    ),
    "spf-allows-nobody": said(
        "{about} の SPF は、どこからの送信も許していません（{record}）。",
        "The SPF record of {about} allows no sender ({record}).",
        "中継サーバーを許す項目を足します（docs/mail.md）。",
        "Add a term that allows the relay (docs/mail.md).",
    ),
    "dkim-missing": said(
        "{about} に DKIM の公開鍵がありません。",
        "{about} has no DKIM key.",
        "次の TXT を DNS に足します：{record}",
        "Add this TXT record: {record}",
    ),
    "dkim-differs": said(
        "{about} の公開鍵は、署名に使う鍵のものではありません。",
        "{about} has a key other than the one we sign with.",
        "次の TXT に置き換えるか、DKIM_KEYS を掲載した鍵に合わせます：{record}",
        "Replace it by this TXT record, or set DKIM_KEYS to the key that is published: {record}",
    ),
    "dkim-revoked": said(
        "{about} の DKIM は取り消されています（p= が空）。",
        "The DKIM key at {about} is revoked (empty p=).",
        "新しい選択子の鍵を掲載し、DKIM_KEYS を替えます：{record}",
        "Publish a key under a new selector and set DKIM_KEYS: {record}",
    ),
    "dmarc-missing": said(
        "{about} に DMARC がありません。大手の受信側は一斉の送信に求めます。",
        "{about} has no DMARC policy, which large receivers require of bulk senders.",
        "_dmarc.{about} に TXT（v=DMARC1; p=none; rua=mailto:…）を足します。",
        "Add a TXT record at _dmarc.{about}: v=DMARC1; p=none; rua=mailto:….",
    ),
    "dmarc-unreadable": said(
        "{about} の DMARC を受信側は読めません（{record}）。",
        "Receivers can't read the DMARC policy of {about} ({record}).",
        "v=DMARC1; で始まり p= が none、quarantine、reject のどれかである1件にします。",
        "Make it one record that begins with v=DMARC1; and has p=none, quarantine or reject.",
    ),
    "kafka-away": said(
        "Kafka が答えません（{cause}）。",
        "Kafka doesn't answer ({cause}).",
        "Kafka が動いているか、KAFKA_BOOTSTRAP と接続の設定を確かめます。",
        "Check that Kafka runs; check KAFKA_BOOTSTRAP and the login.",
    ),
    "topics-missing": said(
        "トピックがありません：{topics}",
        "Topics are missing: {topics}",
        "akashi topics を実行します。",
        "Run akashi topics.",
    ),
    "topics-without-leader": said(
        "書けないトピックがあります：{topics}",
        "Topics can't be written: {topics}",
        "Kafka のブローカーがすべて動いているかを確かめます。",
        "Check that all Kafka brokers run.",
    ),
    "topics-narrow": said(
        "区画の数が足りないトピックがあります：{topics}",
        "Topics have fewer partitions than expected: {topics}",
        "lag がすべて0のときに akashi topics を実行して区画を増やし、サービスを再起動します（docs/settings.md）。",
        "While all lags are 0 run akashi topics, which adds partitions, then restart the services (docs/settings.md).",
    ),
    "topics-retention": said(
        "保持の期間が{least}日から{most}日の外のトピックがあります：{topics}",
        "Topics keep messages for less than {least} or more than {most} days: {topics}",
        "TOPIC_RETENTION_DAYS を確かめ、akashi topics を実行します。",
        "Check TOPIC_RETENTION_DAYS, then run akashi topics.",
    ),
    "page-away": said(
        "{about} が開けません（{cause}）。",
        "{about} can't be opened ({cause}).",
        "サービス、手前のプロキシ、DNS の順に確かめます。",
        "Check the service, the proxy in front of it, and DNS.",
    ),
    "page-answers": said(
        "{about} が {status} を返します。",
        "{about} answers {status}.",
        "サービスのログと手前のプロキシの設定を確かめます。",
        "Check the service's log and the proxy in front of it.",
    ),
    "disk-full": said(
        "{about}：空き {free} GB、要るのは {needed} GB です。",
        "{about}: {free} GB free, needed are {needed} GB.",
        "古い控えや記録を移すか、ディスクを足します。",
        "Move old backups and logs elsewhere, or add disk space.",
    ),
    "disk-unreadable": said(
        "{about} の空きが分かりません（{cause}）。",
        "The free space of {about} is unknown ({cause}).",
        "DISKS のフォルダーがあり、ops から見えるかを確かめます。",
        "Check that the folder in DISKS exists and that ops can read it.",
    ),
    "backup-none": said(
        "{about} に控えがありません。",
        "There is no backup in {about}.",
        "akashi backup で控えを取ります（docs/recovery.md）。",
        "Take one by akashi backup (docs/recovery.md).",
    ),
    "backup-old": said(
        "最後の控えは{hours}時間前です。",
        "The last backup is {hours} hours old.",
        "4月1日の前に、akashi backup で新しい控えを取ります。",
        "Take a new one by akashi backup before April 1.",
    ),
}
