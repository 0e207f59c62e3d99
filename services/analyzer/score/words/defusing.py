"""Finds what takes the heat out of a phrase: negation, narration, a joke, a plain liking beside it."""

import re
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.analyzer.score.words.pieces import spoken_text
from services.analyzer.score.words.service_talk import is_service_talk

_NEGATED, _NARRATED, _JOKED, _GLAD = 0.1, 0.15, 0.3, 0.25

_CLAUSE = re.compile(r"[.;:!?]|,(?! (?:not|never|ever)\b)|\b(?:but|because|although|so)\b")
_NEGATION = re.compile(
    r"\b(?:not|never|nobody|no one|none|neither|nor|without|hardly|\w+n't|cannot)\b(?! (?:only|you|we|they|believe|care|want|stand)\b)"
)
_OTHERS = r"(?:he|she|they|who|someone|somebody|people|(?:the|my|our|his|her|a|one|your|this|that) \w+(?: \w+)?)"
_SAY = r"(?:said|says|saying|told|tells|wrote|writes|called|calls|yell(?:ed|s|ing)|shout(?:ed|s|ing)|scream(?:ed|s|ing)|went|goes|was like|threatened|muttered)"
_NARRATION = re.compile(
    rf"\b{_OTHERS} (?:just |then |even |actually |once |always |\w+ly )?{_SAY}\b|\b(?:called|calling) (?:me|him|her|us|them)\b"
    rf"|\bi (?:would|could) (?:never|not) (?:\w+ )*(?:say|call)\b|\b(?:song|film|movie|script|novel|play|line|episode)\b"
)
_JOKE = re.compile(r"\b(?:ha ?ha|haha\w*|hehe|lol|(?:just|only) (?:kidding|joking|messing)|i'm (?:kidding|joking))\b")

_CALM = 0.45
_ANGER = r"(?:angry|cross|mad|upset|annoyed|furious|offended|blaming|accusing|threatening|disappointed|fault|idiot|stupid|lazy|useless)"
_REASSURING = re.compile(
    r"^(?:(?:yes|hello|hi|good \w+),? )?(?:i|we)(?:'d| would) like to (?:renew|book|order|return|change|check|buy|rent|reserve|collect|ask about|"
    r"open|update|confirm|cancel|move|arrange|pay)(?: (?!you)\w+){1,6}(?:,? please)?[.?]?$|"
    rf"\b(?:i'm|i am|i was|we're|we are|nobody is|nobody's|no one's|no one is) not (?:\w+ )?{_ANGER}\b"
    rf"|\b(?:nobody|no one)(?: here|'s| is)? (?:\w+ )?(?:thinks|blames|blaming|cross|angry|saying|suing|hates)\b"
    r"|\b(?:it|that)(?:'s| is|'s really| really)? ?(?:wasn't|isn't|not|was not|is not) (?:really )?your fault\b|\bdon't blame yourself\b"
    r"|\bi (?:don't|do not|never|could never) (?:hate|blame) you\b|\byou(?:'re| are) not (?:stupid|lazy|useless|in trouble|to blame|alone)\b"
    r"|\b(?:i'm|i am|we're) (?:so |very |really |terribly )*sorry (?:for your loss|to hear|for you)\b|\b(?:poor (?:thing|things|man|woman|people|family)|how (?:awful|dreadful|terrible|sad))\b"
    r"|\b(?:congratulations|i'm so (?:happy|proud|pleased|glad|relieved)|no harm done|not at all|you're (?:very |most )?welcome)\b"
    r"|\bmy (?:\w+ )?(?:mother|father|mum|dad|husband|wife|son|daughter|brother|sister|gran|grandma|grandad|friend|dog|cat) (?:has )?(?:died|passed away)\b"
    r"|\b(?:i|we)(?:'ll| will| can|'d like to|'d be (?:happy|glad) to| would be (?:happy|glad) to) (?:gladly |be able to )?help (?:you|with)\b(?! (?:out of|into|down|leave|lose|regret))"
    r"|\blet me (?:help (?:you|with)|see what i can do|sort (?:this|that|it) out for you)\b"
    r"|\bi(?:'d| would| could|'ll| will) never (?:ever )?(?:hurt|hit|harm|shout at|lie to|laugh at|do that to) (?:you|anyone|anybody|a soul)\b"
    r"|\b(?:nobody|no one)(?: here)?(?:'s| is) (?:going to )?(?:shout(?:ing)?|hurt(?:ing)?|judg(?:e|ing)|laugh(?:ing)?|fir(?:e|ing)|attack(?:ing)?|tell(?:ing)? you off)\b"
    r"|\bi (?:miss (?:her|him)|feel (?:so )?(?:lost|empty|lonely)|keep crying|can't stop crying)\b"
)
_CONDITION = re.compile(r"\b(?:if|unless|until|when|once|next time)\b")
_WILL_SUBJECT = re.compile(
    r"\b(?:i|we|they|he|she|you)(?:'ll| will|'m (?:going to|gonna)|'re (?:going to|gonna)| am going to| are going to)\b"
)

_HARMLESS_SHARE = 0.25
_GOOD = r"(?:amazing|brilliant|great|good|lovely|delicious|perfect|awesome|fantastic|wonderful|beautiful|gorgeous|excellent|genius|superb|incredible|funny)"
_NUMBER = (
    r"(?:oh|zero|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|double|triple|point|dash|and|[a-z]|\d+)"
)
_HARMLESS = re.compile(
    rf"^(?:(?:yes|so|okay|right|sure|hello)[, ]+)?(?:(?:it|that|this|my \w+|the \w+)(?:'s| is| was) )?(?:{_NUMBER}[-,. ]+){{2,}}{_NUMBER}[.!?]?$"
    r"|"
    r"\byou always (?:keep|make (?:me|us|everyone|everybody) (?:laugh|smile|happy|feel)|remember|cheer|know (?:how|what) to|help|look (?:so |very )?(?:nice|good|lovely|great)|find a way|bring)\b"
    r"|\byou never (?:make mistakes|make a mistake|let (?:me|us|anyone) down|complain|disappoint|give up|fail (?:me|us)|forget (?:my|our|a) birthday)"
    r"|\bwatch your back,? (?:the|there)\b|\bi know where (?:you|they) (?:live|work),? (?:so|and|because) (?:i|we)(?:'ll| will|'ve| can| could) (?:\w+ )?(?:drop|bring|pick|leave|post|come by|deliver|send)"
    rf"|\bshut up,? (?:no way|really|you(?:'re| are) (?:kidding|joking|getting married|pregnant|engaged)|you (?:did|got|won|passed)|that(?:'s| is) (?:so )?{_GOOD})"
    rf"|\b(?:i(?:'d| would| could)|we(?:'d| would| could)) (?:kill|murder|die) for (?:a|an|some|that|one of)\b|\b(?:fucking|bloody|damn|freaking|absolutely) {_GOOD}\b(?! (?:liar|idiot|mess))"
    r"|\b(?:end|cancel|terminate|kill|close|break) your (?:\w+ )?(?:subscription|account|contract|trial|delivery|booking|session|order|policy|membership)\b(?! (?:unless|if you))"
    r"|\b(?:i'll|i will|i'm going to|i'm gonna|and) (?:then )?(?:tickle|cuddle|hug) (?:you|him|her|them)\b(?! (?:with my|until))"
    r"|\b(?:we|i)(?:'ll| will) find (?:you a|your|that|the) (?:parcel|bag|keys?|seat|table|room|book|file|order|dog|cat|slot|replacement)\b"
    r"|\bi (?:would|will|could|'d) never (?:ever )?(?:in my life )?(?:say|think|call)\b"
)
_MILD_SHARE = 0.55
_MILD = re.compile(
    r"^(?:sorry,? |no,? |well,? )*(?:(?:what|which \w+|who|how) (?:exactly )?(?:do|did) you mean(?: by (?:that|this|it))?(?:,? exactly)?\?|(?:what makes|why do) you (?:say|think|ask)(?: that| so)?\?"
    r"|i (?:just )?(?:see|look at|view|remember) (?:it|that|this|things) (?:a bit |a little |rather |quite )?(?:differently|another way|in (?:another|a different) (?:way|light))[.]?"
    r"|i(?:'m afraid i)? (?:don't|do not) (?:quite |fully |really |entirely )?(?:agree(?: with (?:you|that))?|see it (?:like that|that way))(?: there| here| on that)?[.]?"
    r"|(?:could|can|may) (?:i|we) (?:please )?have (?:a little|a bit|some|a few|\w+) more \w+.*|(?:i|we)(?:'ll| will| would)? need (?:just )?(?:another|a few more|one more|two more|a couple more) (?:day|days|week|weeks|hour|hours|minutes?|months?)\b[^,!]*(?:,? please)?[.]?"
    r"|(?:i was|i'm|i got|we were|we got) (?:held up|stuck|caught) in (?:the )?traffic[.]?)$"
)
_TURN = re.compile(r"\b(?:but|so|until|unless|though|except|yet|if)\b")

_GLADNESS = 0.35  # VADER's compound of the words beside the phrase
_NOT_GLAD = re.compile(  # words that VADER counts as glad, and that the angry say too
    r"\b(?:clear(?:ly)?|better|help(?:s|ed|ing)?|cares?|trust(?:ed)?|respect(?:ed)?|promise[sd]?|hope|free|true|kind|strong|"
    r"justice|secur(?:e|ity)|safe(?:ty)?|save[sd]?|important|credit|interest(?:ed)?|agree[ds]?|please|rich|smart|special|value|"
    r"dear|party|god|want|sure|well|like|yes|okay|ok|hand|matters?)\b"
)


def share_left(text: str, start: int, end: int, *, by_gladness: bool = True) -> float:
    """Return the share of its heat (0 to 1) that is left to the phrase at text[start:end], in lower case.

    `by_gladness`: whether glad words beside it take its heat away. Sarcasm is made of them.
    """
    shares = [1.0]
    before = text[:start]
    boundaries = [match.end() for match in _CLAUSE.finditer(before)]
    clause = before[boundaries[-1] :] if boundaries else before
    if _NEGATION.search(_consequence(clause, text[start:end])):
        shares.append(_NEGATED)
    if _NARRATION.search(before) and not re.search(r"\bi (?:said|told|say)\b", clause):
        shares.append(_NARRATED)
    if _JOKE.search(text):
        shares.append(_JOKED)
    if by_gladness and gladness(_NOT_GLAD.sub(" ", f"{before} {text[end:]}")) >= _GLADNESS:
        shares.append(_GLAD)
    return min(shares)


def _consequence(clause: str, phrase: str) -> str:
    """Return what of a clause belongs to a phrase: behind a condition ("if it's not ready, I'll") no negation counts."""
    subjects = [match.start() for match in _WILL_SUBJECT.finditer(clause + phrase) if match.start() <= len(clause)]
    return clause[subjects[-1] :] if subjects and _CONDITION.search(clause[: subjects[-1]]) else clause


def calm_share(text: str) -> float:
    """Return the share of its heat (0 to 1) that is left to a text, 1 unless it plainly is none.

    Plain are service talk, praise and gladness, reassurance and mourning, a question what is meant, a mild no.
    """
    spoken = spoken_text(text)
    if is_service_talk(text):
        return _HARMLESS_SHARE
    for pattern, share in ((_HARMLESS, _HARMLESS_SHARE), (_REASSURING, _CALM), (_MILD, _MILD_SHARE)):
        said = pattern.search(spoken)
        if said is not None and not _TURN.search(spoken, said.end()):
            return share
    return 1.0


def gladness(text: str) -> float:
    """Return VADER's compound score of a text, -1 to 1 (Hutto & Gilbert 2014; made for short texts)."""
    return float(_vader().polarity_scores(text)["compound"])


@cache
def _vader() -> SentimentIntensityAnalyzer:
    """Load the lexicon once, when it is first needed: 7,500 words in 10 ms."""
    return SentimentIntensityAnalyzer()
