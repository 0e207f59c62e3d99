"""Tells what a desk or a trade says that it will do with what is yours from a threat, which says it in the same words.

"I'll cut your hair on Tuesday" and "I'll cut your throat on Tuesday" lie close together for a sentence encoder. So a
sentence is taken for service talk only as a whole: a promise or a report with a verb of service, something that a
service is about or a time to agree on, and no word that a threat would add.
"""

import re

from services.analyzer.score.words.pieces import sentences_of, spoken_text

_MOST_WORDS = 18  # of a sentence; whoever goes on may turn round

_OPENING = r"(?:(?:yes|no|okay|right|sure|hello|fine|well|and|then|so|but|of course|thank you|thanks|good morning|no problem|perfect|lovely|great|good|brilliant|wonderful|excellent)[, ]+)*"
_SUBJECT = (
    r"(?:i|we|he|she|they|somebody|someone|one of us|two of us|"
    r"(?:the|our|my|a|an) (?:\w+ )?(?:technician|engineer|plumber|driver|courier|fitter|nurse|doctor|colleague|team|man|manager|"
    r"mechanic|electrician|cleaner|carer|gardener|builder|dentist|vet|hairdresser|teacher|agent|brother|sister|mother|father|"
    r"husband|wife|son|daughter|mate|friend|van|taxi|bus|coach))"
)
_WILL = (
    r"(?:'ll| will| can| could|'m going to| am going to|'re going to| are going to|'s going to| is going to|'m|'re|'s| am| are| is"
    r"|'ve| have| has|'d)"
)
_SERVES = (
    r"(?:just |now |also |first |already |only |gladly |then |be |been |have )*"
    r"(?:send|ring|call|phone|book|but|put|move|deliver|bring|collect|fetch|fit|fix|repair|mend|replac|install|clean|wash|wrap|cut|"
    r"trim|mow|water|feed|walk|driv|pick|drop|clos|shut|end|cancel|stop|renew|transfer|check|look|find|found|keep|kept|order|"
    r"refund|credit|charg|watch|e?mail|post|text|show|tak|took|see|saw|meet|met|com|came|read|giv|gave|get|got|hav|hold|sav|"
    r"reserv|swap|chang|updat|not|open|print|copy|scan|measur|weigh|writ|wrote|pay|sort|arrang|stay|visit|know|mind|look|"
    r"at|round|over|there|here|with)(?:e|d|ed|es|s|t|ting|ing|ning|ping|ming)?"
)
_THING = (
    r"(?:account|card|order|parcel|package|booking|table|room|seat|ticket|train|flight|bus|coach|ferry|boat|taxi|car|van|bike|boiler|"
    r"meter|line|contract|subscription|membership|policy|bill|invoice|refund|money|form|papers?|letter|email|message|number|"
    r"address|postcode|file|list|name|appointment|delivery|keys?|hair|fringe|beard|nails|lawn|grass|hedges?|trees?|garden|plants|"
    r"cat|dog|kids|children|shopping|washing|dishes|kitchen|bathroom|sofa|wardrobe|bed|washing machine|tv|photos?|pictures?|"
    r"prescription|tablets|tooth|teeth|leg|arm|knee|blood pressure|plaster|stitches|homework|essay|report|slides|game|match|final|"
    r"film|show|birthday|party|dinner|lunch|school|station|airport|office|depot|gate|desk|shop|ward|house|flat|home|place|door|"
    r"technician|engineer|plumber|driver|courier|fitter|group|class|course|lesson|offer|price|discount|details|system|weather)"
)
_TIME = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|this (?:morning|afternoon|evening|week)|next (?:week|month)|"
    r"at (?:\w+ past |\w+ to )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon|\d+)|"
    r"in (?:a|an|\w+) (?:minutes?|hours?|days?|weeks?)|before (?:noon|lunch|six|five)|after (?:lunch|nine|school|work)|as (?:agreed|you asked)"
)
_PROMISE = re.compile(rf"^{_OPENING}{_SUBJECT}{_WILL} {_SERVES}\b.*\b(?:{_THING}|{_TIME})\b", re.ASCII)
_REPORT = re.compile(
    rf"^{_OPENING}(?:your|the|this|that) (?:\w+ )?(?:{_THING}) (?:has been|have been|will be|is being|was|were|is|are|can be) "
    r"(?:now |already |all )?(?:closed|cancelled|ended|stopped|moved|sent|booked|changed|renewed|updated|paid|delivered|ready|repaired)\b",
    re.ASCII,
)
_KNOWN = re.compile(
    rf"^{_OPENING}(?:i|we)(?:'ve| have)? (?:got |have |see |know |found )*(?:your|the) (?:\w+ )?(?:address|number|name|postcode|details|form|file|street)\b",
    re.ASCII,
)
_SENT = re.compile(
    rf"^{_OPENING}(?:i|we)(?:'ll| will| can|'d) (?:shoot|drop|ping) you an? (?:quick )?(?:email|message|text|line|note)\b"
)

_SINISTER = re.compile(
    r"\b(?:kill|murder|hurt|harm|burn\w*|torch|fire|smash\w*|break|broke\w*|beat\w*|stab\w*|punch\w*|kick\w*|slap\w*|slash\w*|strangl\w*|poison|"
    r"destroy|wreck|ruin\w*|trash|knife|knives|gun|bat|blade|hammer|crowbar|petrol|matches|pliers|rope|acid|bullet|blood|throat|face|neck|skull|bones?|"
    r"kneecaps?|fingers|ribs|head|dead|die|dies|died|death|grave|coffin|alone|sorry|regret\w*|lesson|scream\w*|beg|crying|suffer|pay for|wish|"
    r"hell|damn|bloody|fuck\w*|shit\w*|bastard|bitch|idiot|liar|stupid|useless|pathetic|enough|never|nothing|nobody|won't|wouldn't|can't|"
    r"cannot|don't|didn't|doesn't|isn't|not|unless|until|or else|otherwise|if|but|better|dare|hide|run|night|dark|asleep|sleep\w*|careful|"
    r"brave|ombudsman|press|one (?:phone )?call|so think|they know|happens?|happened|shame|pity|warn\w*|last chance|court|lawyers?|police|sue|fault|lied|lies|always|one by one|the hard way|for good|you.re next|eyes|"
    r"get you|got you|find you|finish you|end you|cut you|watching you|coming for|deal with you|sort you|fix you|stop you|take you (?:out|down)|"
    r"some people|some friends|a few friends|my boys|my lads)\b(?! (?:a|an|some|the) )"
)
_SPARED = re.compile(r"\b(?:book|but) (?:you )?on\b|\b(?:get|find) you (?:a|an|the|on|some)\b|^(?:but|no) ")


def is_service_talk(text: str) -> bool:
    """Whether a text begins with service talk and nothing in it is said as a threat would be."""
    spoken = spoken_text(text)
    if _SINISTER.search(_SPARED.sub(" ", spoken)):
        return False
    first, *_ = sentences_of(spoken)
    if len(first.split()) > _MOST_WORDS:
        return False
    return any(pattern.search(first) for pattern in (_PROMISE, _REPORT, _KNOWN, _SENT))
