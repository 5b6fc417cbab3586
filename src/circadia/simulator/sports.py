"""Sports as WHOOP names them: numeric id and the slug sent as `sport_name`.

Ids and names are those of WHOOP's documentation of the workout resource. The set is open: clients
meet slugs without a row here, some with underscores (`EXTRA_SLUGS`).
"""

from __future__ import annotations

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

EXTRA_SLUGS: dict[str, int | None] = {
    "weightlifting_msk": 123, "powerlifting_msk": None, "stroller_walking": 252, "hot_tub": None,
    "muay-thai": None, "non-sleep-deep-rest": None,
}  # fmt: skip
"""Slugs seen in payloads without a row in the documented table; None where no id is known."""

RECOVERY_ACTIVITIES = ("sauna", "ice-bath", "meditation", "massage-therapy", "stretching", "air-compression")
OUTDOORS: dict[str, tuple[float, float]] = {
    "running": (0.56, 10.2), "walking": (0.36, 5.2), "cycling": (0.55, 23.0), "hiking-rucking": (0.6, 4.6),
    "mountain-biking": (0.6, 16.0), "golf": (0.3, 4.0), "dog-walking": (0.3, 4.4), "skiing": (0.5, 14.0),
    "rowing": (0.2, 9.0), "kayaking": (0.4, 6.0), "track-field": (0.3, 9.5),
}  # fmt: skip
"""Sports with GPS: the share of sessions that carry a distance, and the usual speed in km/h."""

MIX: dict[str, float] = {
    "weightlifting": 42.0, "running": 18.0, "activity": 14.0, "walking": 11.0,
    "cycling": 2.6, "functional-fitness": 2.2, "yoga": 1.6, "swimming": 1.3, "hiking-rucking": 1.2, "hiit": 1.0,
    "spin": 0.8, "soccer": 0.7, "tennis": 0.6, "pilates": 0.5, "basketball": 0.4, "padel": 0.4, "rowing": 0.4,
    "elliptical": 0.3, "golf": 0.3, "dog-walking": 0.3, "boxing": 0.2, "dance": 0.2, "manual-labor": 0.2,
    "muay-thai": 0.1, "stroller_walking": 0.1, "commuting": 0.1,
}  # fmt: skip
"""Share of workouts in percent, as public exports of real members show; the tail is made up."""


def sport_id(slug: str) -> int | None:
    """WHOOP's deprecated numeric id of a slug; None where none is known."""
    found = SPORT_IDS.get(slug)
    return EXTRA_SLUGS.get(slug) if found is None else found
