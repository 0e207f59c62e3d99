"""Phrases that cool a conversation: apologies and de-escalation. They name a reason and leave heat as it is."""

import re

from services.analyzer.score.words.pieces import spoken_text

_INTENSELY = r"(?:(?:so|very|really|truly|terribly|awfully|deeply|just) )*"
_APOLOGY = re.compile(
    rf"\b(?:(?:i'm|i am|we're|we are) {_INTENSELY}sorry (?:for (?!your loss|you\b|him\b|her\b|them\b)|about (?:that|this|the|what|yesterday|earlier|my|our)\b"
    r"|(?:that )?i (?:shouted|said|called|snapped|lied|hurt|was|lost my)\b)"
    r"|(?:i|we) (?:do |really |must |would like to |want to )?apologi[sz]e\b|my (?:sincere |sincerest )?apologies\b"
    r"|(?:i|we) owe you an apology|forgive me|sorry about (?:that|this)\b|sorry,? (?:that's (?:far|much|way|my|our)|it won't happen|i (?:should|forgot|missed|didn't mean|wasn't|broke|snapped|shouted))|(?:that|it) was (?:all )?(?:my|our) (?:fault|mistake)\b|i take (?:it|that) (?:all )?back\b)"
)
_DE_ESCALATION = re.compile(
    r"\b(?:let's (?:all |both |just )?(?:calm down|(?:take|have) (?:a|five) (?:breath|break|moment|minutes)|start (?:again|over)|sit down and|sort (?:this|it) out)"
    r"|(?:i|we) (?:completely |fully |quite |can |do )?understand (?:that you're|that you are|why you're|why you are|your|how) (?:\w+ )?(?:upset|angry|frustrat\w+|annoyed|cross|anger|disappoint\w+)"
    r"|you(?:'re| are) (?:quite |absolutely |perfectly )?right to be (?:upset|angry|annoyed|cross|frustrated)"
    r"|you have every right to be (?:upset|angry|annoyed|cross|frustrated)|i don't want (?:to (?:fight|argue|quarrel)|a (?:fight|quarrel|row))\b|let's not (?:fight|argue|quarrel)\b"
    r"|(?:nobody|no one)(?: here)?(?:'s| is) (?:cross|angry|blaming|accusing|against)\b|i'm not (?:angry|cross|mad|upset) with you\b|i'm not (?:blaming|accusing) (?:you|any)|(?:i'm|i am) not going to shout\b"
    r"|(?:nobody|no one) is going to (?:hurt|hit|shout at|blame) you(?! (?:if|as long|until|unless|when))|we're on the same side|you(?:'re| are) not in (?:any )?trouble)"
)
_TURN = re.compile(r"\b(?:but|unless|until|as long as|yet|if you|when i)\b")


def calming_kinds(text: str) -> tuple[str, ...]:
    """Return "apology" and "de_escalation" as far as a text plainly is one, and does not turn round after it."""
    spoken = spoken_text(text)
    kinds = (("apology", _APOLOGY), ("de_escalation", _DE_ESCALATION))
    found = ((kind, pattern.search(spoken)) for kind, pattern in kinds)
    return tuple(kind for kind, match in found if match and not _TURN.search(spoken, match.end()))
