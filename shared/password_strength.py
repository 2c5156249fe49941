"""Which passwords are refused: too short, too long, among the first guesses, or made of what is known of the person.

For the wallet's holders and the office's users. Length and guessing only, no rules about kinds of characters (NIST
SP 800-63B-4, 3.1.1.2). Guesses are counted by zxcvbn, which knows 90 000 leaked passwords, words and names, dates,
keyboards, sequences and repeats, and letters replaced by signs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from shared.programme import Bilingual, Programme

PASSWORD_SHORTEST = 10  # characters
PASSWORD_LONGEST = 200  # characters; more would only keep the hasher busy
_GUESSES = 10**10  # as zxcvbn counts them: ten characters without any pattern
_JUDGED = 72  # characters that zxcvbn looks at; its time grows with their square

PasswordProblem = Literal["short", "long", "known", "personal"]

PASSWORD_SENTENCES: Mapping[PasswordProblem, Bilingual] = {
    "short": Bilingual(
        "パスワードが短すぎます。10文字以上にしてください。",
        "The password is too short: use 10 characters or more.",
    ),
    "long": Bilingual("パスワードは200文字までです。", "The password may have 200 characters."),
    "known": Bilingual(
        "よく使われる言葉や並びで、すぐに推測されます。関係のない言葉を3つ以上つなげるなど、別のものにしてください。",
        "It is made of common words or patterns and is guessed at once. Choose another: for example, three or more"
        " words that have nothing to do with each other.",
    ),
    "personal": Bilingual(
        "氏名、メールアドレス、学会や資格の名前は、人に推測されます。それらを除いても10文字以上あって、推測されにくいものにしてください。",
        "Names, e-mail addresses, and the names of the society and of qualifications are easily guessed. Without them"
        " the password must still have 10 characters or more that are hard to guess.",
    ),
}
"""What a refused person reads, and what to do."""

# Words that Japanese passwords are made of, in Latin letters as they are typed; zxcvbn's lists are English.
_JAPANESE = """
sakura konnichiwa konnitiwa ohayou arigatou arigato sayonara aishiteru daisuki watashi anata nihon nippon
japan tokyo toukyou osaka oosaka kyoto kyouto nagoya fukuoka hokkaido sapporo yokohama fujisan samurai
ninja sushi himitsu himitu anshou angou pasuwado doraemon pikachu pokemon naruto totoro kawaii neko inu
hana yuki haru natsu aki fuyu taro tarou hanako tanaka suzuki satou sato takahashi watanabe itou yamamoto
nakamura kobayashi kato konkurito konkuriito concrete tekkin gishi shindanshi touroku shikaku
waretto wallet openbadge badge akashi
""".split()  # noqa: SIM905  # a word a line would be a page

_WORD = re.compile(r"[a-z]+|[0-9]+|[ぁ-ゖー]+|[ァ-ヶー]+|[^\W\d_a-zぁ-ゖァ-ヶー]+")
_ALIKE = str.maketrans("@430$57+1!|l", "aaeosstt" + 4 * "i") | {kana: kana + 0x60 for kana in range(0x3041, 0x3097)}


def password_form(text: str) -> str:
    """The form of a password that is hashed: full-width and half-width input agree (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", text)


def known_words(*texts: str | None) -> frozenset[str]:
    """The words of what is known of a person or society: names, addresses. Those too short to matter are left out."""
    found = set()
    for text in texts:
        for word in _WORD.findall(password_form(text or "").casefold()):
            if len(word) >= (3 if word.isascii() else 2):
                found.add(word)
    return frozenset(found)


def society_words(programme: Programme) -> frozenset[str]:
    """The words that everybody who has to do with this programme would try first."""
    society, named = programme.society, [each.name for each in programme.qualifications.values()]
    return known_words(
        society.name.ja,
        society.name.en,
        society.short_name,
        programme.sender.name,
        *programme.qualifications,
        *(text for name in named for text in (name.ja, name.en)),
    )


def password_problem(text: str, words: Iterable[str] = ()) -> PasswordProblem | None:
    """Why a password is refused; None if it isn't. `words`: what is known of the person, by `known_words`."""
    password = password_form(text)
    if len(password) < PASSWORD_SHORTEST:
        return "short"
    if len(password) > PASSWORD_LONGEST:
        return "long"
    rest = _without(password, words)
    if _is_hard_to_guess(password) and (rest == password or _is_hard_to_guess(rest)):
        return None
    return "known" if rest == password else "personal"


def _is_hard_to_guess(password: str) -> bool:
    from zxcvbn_rs_py import zxcvbn  # its lists take 0.1 s and 20 MB: loaded when a password is set

    judged = password[:_JUDGED]
    return len(password) >= PASSWORD_SHORTEST and zxcvbn(judged, _JAPANESE).guesses >= _GUESSES


def _without(password: str, words: Iterable[str]) -> str:
    """The password without these words: in either direction, in any case, with signs and digits for letters."""
    keep = [True] * len(password)
    text = _alike(password)
    for word in words:
        same = _alike(word)
        for form in {same, same[::-1]}:
            at = text.find(form)
            while at >= 0:
                keep[at : at + len(form)] = [False] * len(form)
                at = text.find(form, at + 1)
    return "".join(letter for letter, kept in zip(password, keep, strict=True) if kept)


def _alike(text: str) -> str:
    """As many characters: folded, hiragana as katakana, signs and digits as the letters that they stand for."""
    folded = text.casefold()  # no letter becomes less than one
    if len(folded) != len(text):
        folded = "".join(map(_folded_letter, text))
    return folded.translate(_ALIKE)


def _folded_letter(letter: str) -> str:
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter
