"""List of phrases that people use when a conversation heats up, with the heat of each kind.

A first, hand-made list for English; `heat` follows the anchors of the scale: 0.5 open frustration, 0.75 blame and
demands for escalation, 1 threats. Patterns are matched in lower case with straight apostrophes.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of one kind: their reason code, their heat from 0 to 1, and the pattern that matches them."""

    code: str
    heat: float
    pattern: re.Pattern[str]


def _any_of(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b")


_WILL = r"(?:i'll|i will|i'm going to|i am going to|i'm gonna|we'll|we will|gonna)"
_YOU_ARE = r"(?:you're|you are|he's|he is|she's|she is|they're|they are)"
_MUCH = r"(?:a |an |such |so |just |really |absolutely |completely |nothing but |the worst |fucking )*"

HOSTILE: tuple[Phrases, ...] = (
    Phrases(
        "threat",
        1.0,
        _any_of(
            rf"{_WILL} (?:kill|hurt|destroy|ruin|beat|punch|smash|break|end|bury|find) (?:you|him|her|them|your)",
            rf"{_WILL} make you (?:pay|suffer|sorry|regret)",
            r"you(?:'ll| will) (?:regret|pay for|be sorry)",
            r"watch your back",
            r"i know where you (?:live|work)",
        ),
    ),
    Phrases(
        "insult",
        0.9,
        _any_of(
            rf"{_YOU_ARE} {_MUCH}"
            r"(?:stupid|pathetic|useless|incompetent|disgusting|worthless|dumb|fools?|jokes?|scum|clowns?|losers?|liars?|trash)",
            r"(?:idiots?|morons?|imbeciles?|scumbags?|bastards?|assholes?|bitch(?:es)?|dickheads?)",
            r"shut (?:the \w+ )?up",
            r"(?:go to hell|screw you|fuck (?:you|off)|piss off|drop dead)",
            r"i (?:hate|despise) you",
        ),
    ),
    Phrases(
        "escalation_demand",
        0.75,
        _any_of(
            r"(?:speak|talk) (?:to|with) (?:your|a|the) (?:manager|supervisor|boss)",
            r"(?:get me|give me|where is) (?:your|a|the) (?:manager|supervisor|boss)",
            rf"{_WILL} (?:sue|report|expose)",
            r"(?:my (?:lawyers?|attorneys?)|take you to court|legal action|hear from my)",
            r"i (?:demand|insist on) \w+",
        ),
    ),
    Phrases(
        "blame",
        0.7,
        _any_of(
            r"your (?:own )?(?:damn )?fault",
            r"how dare you",
            r"you (?:lied|are lying|have ruined|ruined|broke your|wasted|screwed|messed)",
            r"you (?:never|always) (?:listen|care|do|say|call|answer|keep|make|lie|blame|interrupt)",
            r"(?:don't you dare|don't lie|stop (?:lying|interrupting|shouting|yelling))",
            r"what is wrong with you|what's wrong with you",
        ),
    ),
    Phrases(
        "profanity",
        0.6,
        _any_of(
            r"(?:bull)?shit(?:ty)?", r"fuck(?:ing|ed|er)?", r"god ?damn(?:ed|it)?", r"damn(?:ed|it)?", r"what the hell"
        ),
    ),
    Phrases(
        "frustration",
        0.55,
        _any_of(
            r"(?:ridiculous|unacceptable|outrageous|absurd|disgraceful|a disgrace|appalling|nonsense)",
            r"(?:fed up|sick of|sick and tired|had enough|enough is enough|enough of this)",
            r"(?:i'm|i am) (?:so |very |really |extremely |getting )*(?:angry|furious|frustrated|livid|upset)",
            r"(?:makes|making) me (?:so |really )?(?:angry|furious|mad)",
            r"(?:wast(?:e|ing) (?:of )?(?:my |our |your )?time|how many (?:more )?times)",
            r"for the (?:third|fourth|fifth|last|hundredth) time",
        ),
    ),
)
