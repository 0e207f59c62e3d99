"""Phrases that say by themselves what a line means, with the heat and the kind of each.

A hand-made list for English, kept to what is rarely meant otherwise; the model reads the rest. Matched against lower
case with straight apostrophes; `heat` follows the scale's anchors: 0.5 open frustration, 0.75 blame, contempt and
ultimatums, 1 threats of violence. What takes a phrase's heat away (negation, narration, a joke) is in `defusing.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.analyzer.score.words.defusing import calm_share, share_left
from services.analyzer.score.words.pieces import spoken_text


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of one kind: their reason code, their heat from 0 to 1, and the pattern that matches them."""

    code: str
    heat: float
    pattern: re.Pattern[str]


def phrase_heats(text: str) -> dict[str, float]:
    """Return the heat that is left to each kind of phrase that occurs in a text, the hottest kinds first."""
    spoken = spoken_text(text)
    found: dict[str, float] = {}
    for phrases in HOSTILE:
        glad = phrases.code == "sarcasm"  # is made of glad words
        for match in phrases.pattern.finditer(spoken):
            heat = phrases.heat * share_left(spoken, match.start(), match.end(), by_gladness=not glad)
            if heat >= _NOTABLE:
                found[phrases.code] = max(found.get(phrases.code, 0.0), heat)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def heat_with_phrases(heat: float, text: str, found: Mapping[str, float]) -> float:
    """Return a text's heat by meaning, raised by the hottest phrase found in it, or lowered by a reassuring one.

    A phrase counts for half of the difference, strong insults and plain threats for more.
    """
    said = max(found.values(), default=0.0)
    if said <= heat:
        return heat if said >= _NOTABLE else heat * calm_share(text)
    share = next(share for least, share in _SHARES if said >= least)
    return heat + share * (said - heat)


_NOTABLE = 0.15
_SHARES = ((0.95, 0.8), (0.85, 0.65), (0.0, 0.5))  # of the difference, by the phrase's heat


def _any_of(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})(?!\w)")


_WILL = r"(?:i'll|i will|i'm going to|i am going to|i'm gonna|we'll|we will|we're going to|gonna|i swear i'll)"
_YOU_ARE = r"(?:you're|you are|you people are|you lot are|youre)"
_BOOST = (
    r"(?:(?:an?|the|so|such|just|really|absolute(?:ly)?|complete(?:ly)?|total(?:ly)?|utter(?:ly)?|incredibl[ey]|nothing but|bunch of|"
    r"pack of|load of|all|real|right|complete|little|old|fat|lying|thieving|worst|most|biggest|bloody|fucking|damn|"
    r"goddamn|even|still|always|also|nothing|more|than|kind of|sort of|simply|plain) )*"
)
_NAMES = (
    r"(?:idiots?|morons?|imbeciles?|scumbags?|scum|cretins?|dickheads?|arseholes?|assholes?|wankers?|bitch(?:es)?|"
    r"liars?|crooks?|thieves|thief|con ?m[ae]n|fools?|clowns?|losers?|cowards?|parasites?|halfwits?|dimwits?|trash)"
)
_LOW = r"(?:stupid|pathetic|useless|incompetent|disgusting|worthless|dumb|thick|brainless|a jokes?|a disgrace)"
_BODY = (
    r"(?:face|head|legs?|arms?|teeth|skull|neck|nose|jaw|fingers|knees?|kneecaps|ribs?|wrists?|ankles?|windows|bones)"
)
_THEY_WILL = r"(?:(?:he|she|they|somebody|someone|my (?:\w+ )?(?:brothers?|cousins?|lads|mates|boys|sons?|dad|uncles?|friends?))(?:'ll| will| is going to| are going to))"
_DEAR = r"it|this|that|something|anything|somebody|someone|(?:your|that|the) (?:\w+ )?(?:house|shop|car|family|kids|children|daughter|son|wife|husband|mother|dog|cat|business|place|windows?|flat|garage|van|restaurant)"
_HARM = r"happen(?:ed|s)?(?: to (?:it|you|him|her|them|your \w+))?(?= ?(?:$|[.!?,]|to|on|one|in))|burn(?:ed|t)?(?: down| to the ground)|went up in (?:flames|smoke)|caught fire|catch fire|got (?:hurt|smashed|burned)|get hurt|met with|had an accident|have an accident"
_PLACE = r"(?:\w+ )?(?:house|home|flat|shop|store|car|van|place|office|business|restaurant|caravan|workshop|front door)"
_WEAPON = r"(?:a |this |my |that )?(?:\w+ )?(?:knife|blade|bullet|screwdriver|axe|hammer)"
_END = r"(?= ?(?:$|[.!?,;]|for (?:this|that|it)\b|if you|you |and you))"
_THIS = r"(?:this|that|it|what (?:you|you've)|everything)"
_CHIEF = r"(?:manager|supervisor|boss|superior|someone in charge|somebody in charge|whoever is in charge|someone senior|someone above you)"

HOSTILE: tuple[Phrases, ...] = (
    Phrases(
        "threat",
        1.0,
        _any_of(
            rf"{_WILL} (?:fucking )?(?:kill|hurt|destroy|bury|strangle|finish|smash|punch|beat|stab|shoot) you(?! on\b| at\b| to (?:it|the)\b| an? (?:quick )?(?:email|message|text|line|note|reply)\b)",
            rf"{_WILL} (?:fucking )?(?:get|end|ruin|break|crush) you{_END}",
            rf"(?:come (?:over|down|round|up)(?: (?:there|here))?|{_WILL}|{_THEY_WILL}) (?:and )?(?:fucking )?(?:smash|break|kick|punch|knock|rip|cut) your (?:\w+ )?{_BODY}",
            rf"(?:smash|kick|punch|bash|cave) (?:your|you) (?:\w+ )?(?:{_BODY} )?in{_END}",
            rf"(?:you'll|you will|you're gonna|you are gonna|you're going to|you are going to|gonna) (?:bloody |fucking )?(?:pay for {_THIS}|regret (?:{_THIS}|the day)|suffer for)",
            rf"(?:you'll|you will|you're gonna|you're going to|you are going to) (?:all )?be sorry{_END}",
            rf"{_WILL} make you (?:pay|suffer|sorry|regret|wish)",
            rf"{_WILL} make your life (?:a |an )?(?:living )?(?:hell|misery|miserable|unbearable|nightmare)",
            r"you(?:'re| are) (?:a )?dead(?: meat| man| woman)?(?= ?(?:$|[.!?,;]|if you|when i))",
            rf"{_WILL} (?:burn|torch|firebomb|blow up|set fire to|burn down) your {_PLACE}(?: down| up)?{_END}",
            rf"{_WILL} (?:burn|torch|blow) (?:\w+ ){{1,4}}with you (?:still )?(?:inside|in it|in there)",
            rf"{_WILL} (?:slit|cut|slash) your (?:\w+ )?(?:throat|wrists|tyres|tires)",
            rf"{_WILL} (?:put|stick|drive|bury) {_WEAPON} (?:in|into|through) (?:you{_END}|your {_BODY}|your (?:throat|chest|back|heart|gut|guts|stomach|eye))",
            rf"{_WILL} put you (?:in (?:the ground|a grave|your grave|a coffin|a wheelchair|a body bag)|six feet under){_END}",
            rf"you (?:won't|will not) (?:leave here alive|make it home alive|see (?:tomorrow|the morning|your (?:kids|children|family) again)){_END}",
            r"(?:i hope|hope) you (?:die|rot|choke|burn|get cancer|drop dead)",
            r"(?:better )?watch your back(?!,? (?:the|there|there's|it's|that|when|while|with|as|on|in|lifting|mate))",
            r"i know where you (?:live|work|park)(?!,? (?:so|now|because|already|and i'll (?:drop|bring|pick|come by)))",
            rf"(?:it'd be|it would be|that would be|what|such) an? (?:real |great |terrible |crying )?(?:shame|pity) if (?:{_DEAR}) (?:{_HARM})",
            rf"(?:hate|wouldn't want|would not want|don't want) (?:to see |for )?(?:{_DEAR}) (?:to )?(?:{_HARM})",
            r"you (?:wouldn't|would not|don't) want (?:your \w+|her|him|them|the police|everyone|everybody|people) to (?:find out|know|see (?:this|these|that)|hear (?:about )?(?:this|that))",
            r"(?:people|those|men|someone|somebody) who (?:talk|cross me|owe me|tell|snitch|go to the police|say no to me|know too much)[^.!?]* (?:don't|do not|never) (?:stay|live|last|walk|get|see)",
            r"i know where your (?:kids|children|family|mother|wife|daughter|son)(?: (?:lives?|works?|sleeps?))",
        ),
    ),
    Phrases(
        "insult",
        0.9,
        _any_of(
            rf"{_YOU_ARE} {_BOOST}{_NAMES}",
            rf"{_YOU_ARE} {_BOOST}{_LOW}(?! (?:to me|not))",
            rf"(?:^|[.!?,] )(?:you )?{_BOOST}{_NAMES}(?= ?(?:$|[.!?,]))",
            rf"you (?:(?:stupid|lying|fucking|useless|pathetic|bloody|absolute|complete|little|fat|ignorant|arrogant|old) )+{_NAMES}",
            r"you (?:stupid|useless|pathetic|filthy|ugly|disgusting|ignorant|fat|worthless) (?:little |old |fat )?(?:man|woman|cow|pig|bastard|parrot|girl|boy|creature|child)",
            rf"bunch of {_BOOST}{_NAMES}",
            r"shut (?:the (?:fuck|hell) up|your (?:mouth|face|trap|gob))",
            r"(?:go to hell|screw you|fuck (?:you|off)|piss off|drop dead|bugger off|get stuffed)",
            r"(?:i|we all|everyone) (?:hates?|despises?|loathes?|can't stand) you(?= ?(?:$|[.!?,]| all| people| and))",
            r"(?<!are )(?<!do )(?<!did )you (?:liars?|crooks?|thief|thieves|idiots?|morons?|cowards?|fools?|scumbags?|bastards?|snakes?|frauds?|pigs?)(?= ?(?:$|[.!?]))",
            r"get out of my (?:face|sight)",
            r"you (?:make me sick|disgust me)",
        ),
    ),
    Phrases(
        "insult",
        0.65,
        _any_of(
            r"shut up(?=$|[.!?]| and | you |,? you)",
        ),
    ),
    Phrases(
        "contempt",
        0.65,
        _any_of(
            r"who (?:the hell )?do you think you are(?! going)",
            r"what an? (?:stupid|useless|pathetic|disgusting|ignorant|nasty|horrible|vile) (?:little |old )?(?:wom[ae]n|m[ae]n|person|cow|creature|company|lot)",
            r"are you (?:deaf|stupid|thick|blind|an idiot|completely \w+)(?= ?(?:$|[.!?,]| or))",
            r"(?:do you even|can you even) (?:listen|think|read|speak)",
        ),
    ),
    Phrases(
        "ultimatum",
        0.65,
        _any_of(
            rf"{_WILL} (?:sue|report you|expose you|have you (?:fired|sacked)|have your job)",
            rf"{_WILL} (?:take|be taking) (?:this|it|you|them) to (?:court|the press|the papers|the ombudsman)",
            r"(?:going|go) to the (?:press|papers|police|ombudsman) (?:with|about|over) (?:this|it|you)",
            r"(?:my|our) (?:lawyers?|attorneys?|solicitors?) (?:will|is going to|are going to|shall) (?:be in touch|be writing|write|contact|call|hear|have|be contacting)",
            r"you(?:'ll| will) (?:be )?hear(?:ing)? from my (?:lawyers?|attorneys?|solicitors?)",
            r"see you in court",
            r"this is your (?:last|final) (?:chance|warning)",
        ),
    ),
    Phrases(
        "demand",
        0.6,
        _any_of(
            rf"(?:i want|i need|i demand|let me|get me|i'd like|i insist on|now) (?:to )?(?:speak|talk|speaking|talking)(?: to| with) (?:your|a|the)? ?{_CHIEF}",
            rf"(?:get me|give me|where is|where's|put me through to|put) (?:your|a|the)? ?{_CHIEF}(?! number)",
            r"i demand (?!nothing)\w+",
        ),
    ),
    Phrases(
        "blame",
        0.65,
        _any_of(
            r"(?:it's|it is|this is|that's|is|was|all) (?:all )?your (?:own )?(?:damn |bloody |stupid )?fault",
            r"how dare you",
            r"you (?:lied|are lying|'re lying) to (?:me|us)",
            r"you(?:'ve| have)? (?:ruined|wasted|wrecked|destroyed) (?:my|our|everything)",
            r"you (?:never|don't ever) (?:listen|care|call|answer|help|think about)(?! to that| about that)",
            r"you always (?:lie|blame|interrupt|ruin|forget|make excuses|do this|twist|say that)",
            r"(?:don't you dare|don't lie to me|stop lying)",
            r"what(?:'s| is) (?:wrong|the matter) with you(?: people)?(?=$|[?!])",
            r"you(?:'re| are) (?:just )?not (?:even )?listening",
        ),
    ),
    Phrases(
        "interruption",
        0.55,
        _any_of(
            r"stop (?:interrupting|talking over|cutting (?:me|in))",
            r"(?:^|[.!?,] |no,? |you |will you |just )let me finish(?! (?:this|the|my (?:tea|lunch|coffee|shift)|typing|work|first|reading))",
            r"i was (?:still )?(?:talking|speaking)(?=$|[.!])",
        ),
    ),
    Phrases(
        "sarcasm",
        0.6,
        _any_of(
            r"thank(?:s| you)(?: so much| very much| a lot)? for (?:absolutely )?(?:nothing|ruining|wasting|spoiling|wrecking|losing my|forgetting (?:me|my|us)|keeping (?:me|us) waiting|making (?:me|us) wait|breaking my|cutting me off)",
            r"oh,? (?:well done|bravo|how (?:lovely|generous|kind) of you)",
            r"(?:oh|wow|well),? (?:great|lovely|brilliant|perfect|wonderful|fantastic|good|super),? (?:another(?! one\b)|yet another|one more|that's all (?:i|we) need)",
            r"another \w+,? (?:just|exactly) what (?:i|we) (?:needed|wanted)",
            r"(?:only|just|merely) (?:\w+ )?(?:hours?|days?|weeks?|months?) late",
            r"late,? you must be (?:so |very |really )?proud",
            r"because (?:that|it|this) (?:worked|went|helped) (?:out )?so (?:very )?well (?:the )?(?:last|first|before)",
            r"(?:blame|it's) [^.!?]*,? (?:how (?:very )?(?:original|convenient)|again,? (?:i suppose|is it))",
            r"how (?:very )?(?:original|convenient)(?= ?[.!])",
            r"well,? aren't you (?:\w+ )?(?:clever|a genius|special|the clever one|perfect)",
            r"as if you (?:care|cared|ever cared|would care)",
            r"(?:great|fantastic|wonderful|brilliant|lovely|excellent|super) (?:job|service|work|plan|help|start|timing)\b[^?]*\b(?:day off|waited|waiting|hours late|days late|for nothing|ruined|wasted|lost|broken|again)",
            r"so,? thanks a lot(?= ?(?:$|[.!]))",
            r"shall i (?:just )?(?:take|wait|stay in|sit here) (?:for )?(?:another|one more|yet another|all)",
            r"(?:just )?like (?:you|he|she|they) (?:were going to|did|said you would|promised) [^.!?]*last (?:time|week|month|year)",
            r"of course (?:you|he|she|they) (?:were|did|have|do)(?= ?(?:$|[.!]))",
            r"like you (?:care|cared|ever cared)(?= ?(?:$|[.!?]))",
        ),
    ),
    Phrases(
        "frustration",
        0.55,
        _any_of(
            r"(?:this|that|it)(?:'s| is| was) (?:just |so |really |absolutely |completely |totally |simply |utterly |beyond )*(?:ridiculous|unacceptable|outrageous|absurd|disgraceful|a disgrace|appalling|nonsense|pathetic|a joke|a farce|a shambles)(?= ?(?:$|[.!?,;]|and|what|how|i |you |that))",
            r"(?:i'm|i am|we're|we are|getting|so) (?:\w+ )?(?:fed up(?= ?(?:$|[.!,;]|with|of|to))|sick of|sick and tired of)",
            r"(?:nobody|no one|none of you) (?:ever |has ever )?(?:calls?|rings?|called|rang|phoned|writes) (?:(?:me|us) )?back",
            r"(?:i've|i have|we've|we have) (?:now )?(?:called|rung|phoned|asked|told you|written|complained)(?: (?:you|them|here|about this))? (?:three|four|five|six|seven|eight|nine|ten|a dozen|twenty|so many) times",
            r"(?:i've|i have|we've) had enough(?= ?(?:$|[.!,]|of (?:this|you|it|that|your)))",
            r"enough is enough",
            r"(?:i've|i have|we've) had it (?:with|up to)",
            r"(?:i'm|i am) (?:so |very |really |extremely |getting |absolutely )*(?:angry (?:with|at) you|furious|livid)",
            r"(?:makes|making) me (?:so |really )?(?:angry|furious|mad)",
            r"(?:stop )?wast(?:e|ing) (?:any more of )?(?:my|our) time",
            r"how many (?:more )?times (?:do|must|have|does)",
            r"(?:the|this is the) (?:third|fourth|fifth|sixth|tenth|hundredth) time (?:i'm|i am|i've|i have|this|we've|today|that i)",
            r"on hold for (?:\w+ )?(?:an hour|hours|(?:two|three|four|five) hours|(?:thirty|forty|fifty|sixty|ninety) minutes)",
            r"(?:i'm|i am) (?:really |slowly )?(?:losing|running out of) (?:my )?patience",
            r"(?:don't|stop) (?:you )?tell(?:ing)? me to (?:calm down|relax)",
            r"i (?:don't|couldn't|do not) give a (?:damn|shit|toss|fuck)",
            r"(?:just )?leave me alone(?= ?(?:$|[.!,]))",
            r"i hate (?:this|your) (?:company|place|job|firm|stupid|service)",
        ),
    ),
    Phrases("profanity", 0.35, _any_of(r"(?:bull)?shit(?:ty)?", r"fuck(?:ing|ed|er)?", r"god ?damn(?:ed|it)?", r"what the (?:hell|fuck)", r"damn (?:you|it)")),
)  # fmt: skip
