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


def language_tag(name: str | None) -> str | None:
    """Return the tag of a language given by its English name or by its tag, None for any other word.

    Region and script are left out: `en-US` is `en`.
    """
    word = (name or "").strip().lower().replace("_", "-")
    if word in _TAGS:
        return _TAGS[word]
    return word.split("-")[0] if _TAG.fullmatch(word) else None
