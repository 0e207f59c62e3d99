"""Names of languages as Whisper's API gives them, and their tags."""

import re

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)

# The names of OpenAI's open Whisper models; tags are of BCP 47.
_TAGS = {
    name: tag
    for tag, names in {
        "af": "afrikaans", "am": "amharic", "ar": "arabic", "as": "assamese", "az": "azerbaijani", "ba": "bashkir",
        "be": "belarusian", "bg": "bulgarian", "bn": "bengali", "bo": "tibetan", "br": "breton", "bs": "bosnian",
        "ca": "catalan valencian", "cs": "czech", "cy": "welsh", "da": "danish", "de": "german", "el": "greek",
        "en": "english", "es": "spanish castilian", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
        "fo": "faroese", "fr": "french", "gl": "galician", "gu": "gujarati", "ha": "hausa", "haw": "hawaiian",
        "he": "hebrew", "hi": "hindi", "hr": "croatian", "ht": "haitian", "hu": "hungarian", "hy": "armenian",
        "id": "indonesian", "is": "icelandic", "it": "italian", "ja": "japanese", "jv": "javanese", "ka": "georgian",
        "kk": "kazakh", "km": "khmer", "kn": "kannada", "ko": "korean", "la": "latin", "lb": "luxembourgish",
        "ln": "lingala", "lo": "lao", "lt": "lithuanian", "lv": "latvian", "mg": "malagasy", "mi": "maori",
        "mk": "macedonian", "ml": "malayalam", "mn": "mongolian", "mr": "marathi", "ms": "malay", "mt": "maltese",
        "my": "myanmar burmese", "ne": "nepali", "nl": "dutch flemish", "nn": "nynorsk", "no": "norwegian",
        "oc": "occitan", "pa": "punjabi panjabi", "pl": "polish", "ps": "pashto pushto", "pt": "portuguese",
        "ro": "romanian moldavian", "ru": "russian", "sa": "sanskrit", "sd": "sindhi", "si": "sinhala", "sk": "slovak",
        "sl": "slovenian", "sn": "shona", "so": "somali", "sq": "albanian", "sr": "serbian", "su": "sundanese",
        "sv": "swedish", "sw": "swahili", "ta": "tamil", "te": "telugu", "tg": "tajik", "th": "thai", "tk": "turkmen",
        "tl": "tagalog", "tr": "turkish", "tt": "tatar", "uk": "ukrainian", "ur": "urdu", "uz": "uzbek",
        "vi": "vietnamese", "yi": "yiddish", "yo": "yoruba", "yue": "cantonese", "zh": "chinese mandarin",
    }.items()
    for name in names.split()
}  # fmt: skip


# The codes of ISO 639-1 that these models have no name for.
_UNNAMED = {
    "aa", "ab", "ae", "ak", "an", "av", "ay", "bi", "bm", "ce", "ch", "co", "cr", "cu", "cv", "dv", "dz", "ee",
    "eo", "ff", "fj", "fy", "ga", "gd", "gn", "gv", "ho", "hz", "ia", "ie", "ig", "ii", "ik", "io", "iu", "kg",
    "ki", "kj", "kl", "kr", "ks", "ku", "kv", "kw", "ky", "lg", "li", "lu", "mh", "na", "nb", "nd", "ng", "nr",
    "nv", "ny", "oj", "om", "or", "os", "pi", "qu", "rm", "rn", "rw", "sc", "se", "sg", "sm", "ss", "st", "ti",
    "tn", "to", "ts", "tw", "ty", "ug", "ve", "vo", "wa", "wo", "xh", "za", "zu",
}  # fmt: skip


def is_known(tag: str) -> bool:
    """Whether a tag without region and script is a code of ISO 639-1, or of another language that Whisper names."""
    return tag in _UNNAMED or tag in _TAGS.values()


def language_tag(name: str | None) -> str | None:
    """Return the tag of a language given by its English name or by its tag, None for any other word.

    Region and script are left out: `en-US` is `en`.
    """
    word = (name or "").strip().lower().replace("_", "-")
    if word in _TAGS:
        return _TAGS[word]
    return word.split("-")[0] if _TAG.fullmatch(word) else None
