"""Variant characters (異体字) of Japanese names: which ones are one character to who looks for somebody.

For searching only: a name is shown, printed and signed as it is registered. Used by ops and registration.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType

from shared.character_forms import FORMS

NAMES = """
高髙 崎﨑嵜㟢碕 辺邊邉 斎斉齋齊亝 浜濱濵 島嶋嶌㠀嶹 吉𠮷 富冨 橋槗𣘺 桑桒 柳栁桺 館舘 昇曻 土圡𡈽 喜㐂憙
剣劒劔釼剱 徳悳 園薗 野埜 村邨 松枩柗枀 杉杦 薮藪籔 淵渕渊 秋穐龝 鶴靏靍靎鸖寉 国圀囯 宝寳 冴冱 涼凉 杯盃
闊濶 巌嵓 熙煕熈 皓晧 哲喆 昂昻 勗勖 叡睿 肇肈 兜兠 卯夘 宜冝宐 本夲 奇竒 年秊 珍珎 旗籏 裏裡 船舩 虎乕
雁鴈鳫 梅楳 柏栢 栃杤 櫨枦 湧涌 邇迩 傘仐 卒卆 功㓛 達逹 迪廸 留畄 略畧 草艸 職軄 蘇蘓 歌謌 蓑簑 最㝡
既旣 清淸 青靑 朗朖 稿稾 起﨣 欅﨔 臘﨟 閑閒 閏閠 曹曺 厩廐廏 婿壻聟 叱𠮟 剥剝 頬頰 猪豬 曳曵 瑠璢 往徃
界畍 畝畆 鼓皷 紙帋 綿緜 艶豔 鉄銕鐡 鑪鈩 隷隸 聡聦 総緫 壷壺 冊册 凡凣 刃刄 函凾 器噐 因囙 回囬 場塲 多夛
夢梦 寇冦 屏屛 嵯嵳 幣幤 彝彜 怪恠 明朙 時旹 棋棊 楠枏 樽罇 歓懽 決决 況况 煙烟 爾尓 牆墻 猿猨 畳疂疉
蓋盖葢 礦砿 稚穉 竪豎 筍笋 糧粮 糾糺 纒纏 羹羮 翠翆 恥耻 脈脉 蕊蕋蘂 衆眾 裴裵 諫諌 貌皃㒵 体躰軆 鎌鐮
鰺鯵 鶯鴬 籠篭 蠣蛎 蠅蝿 灌潅 籐籘 涙泪 澄澂
""".split()  # noqa: SIM905 (a line for each would be three hundred)
"""Variants in names that `FORMS` hasn't, in groups whose first is the usual form.

What family registers, JIS X 0213, IBM's extension (﨑 and its like) and 人名用漢字表 have beside the usual form; and
斎 and 斉: not one character by meaning, but taken for each other where somebody spells a name.
"""

SELECTORS = "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Variation selectors: the character before them in one of its shapes."""


def _plain() -> Iterator[tuple[str, str]]:
    """Each variant with the character that stands for it. Groups that share a character are one."""
    groups: dict[str, list[str]] = {}
    for text in (*NAMES, *FORMS):
        forms = list(dict.fromkeys(unicodedata.normalize("NFKC", text)))
        joined = list(dict.fromkeys(form for each in forms for form in groups.get(each, [each])))
        groups |= dict.fromkeys(joined, joined)
    for form, (plain, *_) in groups.items():
        if form != plain:
            yield form, plain


PLAIN: Mapping[str, str] = MappingProxyType(dict(sorted(_plain())))
"""Variant → the character that stands for it, after NFKC, which already does so for compatibility characters."""

VERSION = sha256("".join(f"{form}{plain}" for form, plain in PLAIN.items()).encode()).hexdigest()[:12]
"""Another one when the table is: what was written by another has to be written again."""
