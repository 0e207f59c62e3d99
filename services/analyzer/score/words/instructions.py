"""Finds sentences that speak to whoever scores a transcript instead of to the other person ("ignore your instructions").

They are no part of what the people say to each other, so they are left out before anything is scored: neither obeyed nor
taken for calm or hot talk (OWASP LLM01, prompt injection). English only; a sentence that is missed is rated like any
other, since the local scorer follows no text.
"""

import re

from services.analyzer.score.words.phrases import phrase_heats
from services.analyzer.score.words.pieces import sentences_of

_SCORER = r"(?:model|ai|assistant|language model|scorer|judge|evaluator|grader|classifier|system|transcriber)"
_SCORED = r"(?:(?:this|the|that) (?:whole |entire )?(?:conversation|call|recording|transcript|dialogue|audio|exchange)|everything|all of (?:this|it))"
_SCORE = r"(?:temperature|hostility|heat|score|rating|grade|confidence|sentiment)"
_NUMBER = r"(?:zero|one|two|three|four|five|ten|fifty|one hundred|a hundred|none|\d{1,3})"
_TO_THE_SCORER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass) (?:(?:all|any|your|the|these|those|my|of|previous|prior|earlier|above|preceding|other|system) )*"
    r"(?:instructions?|prompts?|guidelines|transcript|(?:text|messages?|conversation|lines) above)\b"
    rf"|\b(?:system|developer) (?:message|prompt|note|instructions?|override)\b|\b(?:note|message|instructions?) (?:to|for) (?:the|any|every) {_SCORER}\b"
    r"|\byou are now (?:in|a|an) (?:\w+ )?(?:mode|assistant|model|ai)\b"
    rf"|\b(?:rate|score|grade|classify|label|mark) {_SCORED} (?:as|with|at)\b"
    rf"|\b(?:report|output|return|answer with|reply with|respond with|write down|give) (?:an? |the )?(?:\w+ )?{_SCORE} (?:of|score|as) (?:\w+ )?{_NUMBER}\b"
    rf"|\bthe {_SCORE} (?:of|for) {_SCORED}\b|\b{_SCORED} (?:has|gets|must get|should get|deserves) (?:a |the )?{_SCORE} of\b"
    r"|\b(?:answer|reply|respond) (?:only )?with the following\b"
)
_ABOUT_THE_SCORE = re.compile(
    rf"^{_SCORE}s?,? (?:(?:is|equals|of) )?{_NUMBER}$|^(?:reasons?|reason codes|evidence),? (?:(?:is|are) )?(?:none|empty|nothing)$"
    rf"|\b(?:there is|contains?|has|have) no {_SCORE}\b|\bonly a (?:test|rehearsal|drill|simulation)\b|\b(?:test|debug|safe) mode\b"
)


def without_instructions(text: str) -> str:
    """Return a text without the sentences that tell a scorer what to do; what threatens or insults always stays.

    Sentences about the score itself ("temperature, one") go too where one before them speaks to the scorer, or alone.
    """
    kept, to_the_scorer = [], False
    for sentence in sentences_of(text):
        spoken = " ".join(re.sub(r"[^a-z0-9', ]+", " ", sentence.lower()).split()).strip(" ,")
        speaks_to_it = _TO_THE_SCORER.search(spoken) is not None
        about_it = _ABOUT_THE_SCORE.search(spoken) is not None and (to_the_scorer or _ABOUT_THE_SCORE.match(spoken))
        to_the_scorer = to_the_scorer or speaks_to_it
        if not (speaks_to_it or about_it) or phrase_heats(sentence):
            kept.append(sentence)
    return " ".join(kept).strip()
