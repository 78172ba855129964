"""Names that are spelt to be taken for Keras' own."""

from __future__ import annotations

import unicodedata

OWN = ("keras", "tf_keras", "tensorflow", "keras_hub", "keras_cv", "keras_nlp")
"""Packages that others may pose as."""

_LETTERS = """
a: а ɑ α а ᴀ
b: Ь Ƅ ʙ
c: с ϲ ᴄ
d: ԁ ɗ
e: е ҽ є ɛ ε ᴇ
f: ƒ ғ
g: ɡ ց ɢ
h: һ հ ʜ
i: і ı ɩ ι í ì ӏ ɪ
j: ј ϳ ᴊ
k: к κ ᴋ ĸ
l: ⅼ ӏ ǀ ʟ
m: м ⅿ ᴍ
n: п ո ɴ
o: о ο օ σ ᴏ
p: р ρ ⲣ ᴘ
q: ԛ ɋ
r: г ᴦ ʀ
s: ѕ ꜱ ʂ
t: т τ ᴛ
u: υ ս ᴜ
v: ѵ ν ᴠ
w: ԝ ω ѡ ᴡ
x: х χ ⅹ
y: у ү γ ʏ
z: ᴢ ʐ
_: ＿ ‗
.: ․ 。
"""
"""Letters, and those of other alphabets that look like them (small letters; capitals are made small first)."""

LETTERS = str.maketrans({
    other: line[0] for line in _LETTERS.strip().splitlines() for other in line[2:].split() if not other.isascii()
})  # fmt: skip


def skeleton(text: str) -> str:
    """A text as it looks: small letters without accents, those of other alphabets as the Latin ones they resemble."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = (letter for letter in plain if unicodedata.category(letter) not in ("Mn", "Cf", "Cc"))
    return "".join(kept).translate(LETTERS)


def imitated(package: str) -> str | None:
    """The package that this one could be taken for; None for one that could not."""
    if package in OWN:
        return None
    if not package.isascii():
        plain = skeleton(package)
        return plain if plain in OWN else None
    return next((own for own in OWN if _is_near(package, own)), None)


def _is_near(package: str, own: str) -> bool:
    """One letter more at the end, one other, one less, or two swapped."""
    if package[:-1] == own:
        return True
    if len(package) == len(own):
        differing = [at for at, letter in enumerate(own) if package[at] != letter]
        return len(differing) == 1 or (len(differing) == 2 and sorted(package) == sorted(own))
    return len(package) == len(own) - 1 and any(own[:at] + own[at + 1 :] == package for at in range(len(own)))
