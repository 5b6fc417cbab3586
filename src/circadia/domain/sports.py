"""Sports as WHOOP names them: the slug sent as `sport_name` and the deprecated numeric id.

Names and ids are those of WHOOP's documentation of the workout resource. The set is open: a slug without a row here
is kept as it is, without an id.
"""

from __future__ import annotations

import re
import unicodedata

SPORT_IDS: dict[str, int] = {
    "activity": -1, "running": 0, "cycling": 1, "baseball": 16, "basketball": 17, "rowing": 18,
    "fencing": 19, "field-hockey": 20, "football": 21, "golf": 22, "ice-hockey": 24, "lacrosse": 25,
    "rugby": 27, "sailing": 28, "skiing": 29, "soccer": 30, "softball": 31, "squash": 32, "swimming": 33,
    "tennis": 34, "track-field": 35, "volleyball": 36, "water-polo": 37, "wrestling": 38, "boxing": 39,
    "dance": 42, "pilates": 43, "yoga": 44, "weightlifting": 45, "cross-country-skiing": 47,
    "functional-fitness": 48, "duathlon": 49, "gymnastics": 51, "hiking-rucking": 52, "horseback-riding": 53,
    "kayaking": 55, "martial-arts": 56, "mountain-biking": 57, "powerlifting": 59, "rock-climbing": 60,
    "paddleboarding": 61, "triathlon": 62, "walking": 63, "surfing": 64, "elliptical": 65, "stairmaster": 66,
    "meditation": 70, "other": 71, "diving": 73, "operations-tactical": 74, "operations-medical": 75,
    "operations-flying": 76, "operations-water": 77, "ultimate": 82, "climber": 83, "jumping-rope": 84,
    "australian-football": 85, "skateboarding": 86, "coaching": 87, "ice-bath": 88, "commuting": 89,
    "gaming": 90, "snowboarding": 91, "motocross": 92, "caddying": 93, "obstacle-course-racing": 94,
    "motor-racing": 95, "hiit": 96, "spin": 97, "jiu-jitsu": 98, "manual-labor": 99, "cricket": 100,
    "pickleball": 101, "inline-skating": 102, "box-fitness": 103, "spikeball": 104,
    "wheelchair-pushing": 105, "paddle-tennis": 106, "barre": 107, "stage-performance": 108,
    "high-stress-work": 109, "parkour": 110, "gaelic-football": 111, "hurling-camogie": 112,
    "circus-arts": 113, "massage-therapy": 121, "strength-trainer": 123, "watching-sports": 125,
    "assault-bike": 126, "kickboxing": 127, "stretching": 128, "table-tennis": 230, "badminton": 231,
    "netball": 232, "sauna": 233, "disc-golf": 234, "yard-work": 235, "air-compression": 236,
    "percussive-massage": 237, "paintball": 238, "ice-skating": 239, "handball": 240, "f45-training": 248,
    "padel": 249, "barrys": 250, "dedicated-parenting": 251, "stroller-walking": 252,
    "stroller-jogging": 253, "toddlerwearing": 254, "babywearing": 255, "barre3": 258, "hot-yoga": 259,
    "stadium-steps": 261, "polo": 262, "musical-performance": 263, "kite-boarding": 264, "dog-walking": 266,
    "water-skiing": 267, "wakeboarding": 268, "cooking": 269, "cleaning": 270, "public-speaking": 272,
}  # fmt: skip

UNNAMED = "activity"
"""What WHOOP calls an activity nobody named (`sport_id` -1)."""

_APOSTROPHES = re.compile(r"['’]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def slug_of(display_name: str) -> str:
    """The slug of a sport's display name ("Hiking/Rucking" is `hiking-rucking`); a name without words is unnamed.

    Names in other languages than English become a slug of their own, since WHOOP publishes no translations.
    """
    name = _APOSTROPHES.sub("", unicodedata.normalize("NFC", display_name).lower())
    return _BETWEEN_WORDS.sub("-", name).strip("-") or UNNAMED


def sport_id_of(slug: str) -> int | None:
    """WHOOP's numeric id of a slug; None where none is known."""
    return SPORT_IDS.get(slug)
