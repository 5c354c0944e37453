"""Numbers in digits as Korean says them: Sino-Korean, or native before a counter that asks for it.

Which counters do is a choice of frequent ones, after usage. Before some a number can be read both
ways (10번: 열 번, ten times, or 십 번, number ten): then the native way, unless what is counted, or
제 before it, says that it is a name.
"""

from __future__ import annotations

import re

_DIGITS = "영일이삼사오육칠팔구"
_SPELLED = "공일이삼사오육칠팔구"  # digits one at a time, as in telephone numbers
_PLACES = ("", "십", "백", "천")
_MYRIADS = ("", "만", "억", "조", "경")
_NATIVE = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_MOST_DIGITS = 4 * len(_MYRIADS)

_SINO_COUNTER = re.compile(
    r"개[월국년]|번[지길호]|시[속기장대즌작]|대[로회한학표]|달러|장관|배럴|명령|살균|판사|통계|곡선|편성"
)
_NATIVE_COUNTER = re.compile(
    "식구|시간|달|마리|번째|사람|송이|그루|켤레|가지|군데|마디|조각|그릇|접시|바퀴|걸음|모금|방울|자루|봉지"
    "|상자|차례|나라|개|명|살|시|번|잔|병|권|장|벌|채|척|통|쌍|배|줄|판|편|톨|알|끼|갑|곡|곳|팀|대"
)
_NAMED = re.compile("버스|출구|문제|선수|트랙|홈|좌석|타자|국도|채널|창구|후보")


def read(number: str, after: str = "", before: str = "", following: str = "") -> str:
    """Return a number in Hangul.

    >>> read("3", "개"), read("2024", "년"), read("10", "번"), read("1,000", "원")
    ('세', '이천이십사', '열', '천')

    Args:
        number: Digits, with commas between thousands and a decimal point or without.
        after: The Hangul that follows, which begins with a counter or does not.
        before: The Hangul in front of it.
        following: What comes after that: 10번 버스 is 십번 버스, 2대1 is 이대일.
    """
    digits, _, fraction = number.replace(",", "").partition(".")
    if fraction:
        return f"{_sino(digits)}점{''.join(_DIGITS[int(d)] for d in fraction)}"
    month = re.match("월(?!요)", after) and {"6": "유", "10": "시"}.get(digits)
    if month:
        return month
    if not _is_name(after, before, following) and _is_native(digits, after):
        return _native(int(digits), ordinal=after.startswith("번째"))
    return _sino(digits)


def _is_name(after: str, before: str, following: str) -> bool:
    """Whether it numbers one thing, or is a score, and counts nothing."""
    if before.endswith("제") or (after == "대" and following[:1].isdecimal()):
        return True
    return after.startswith("번") and _NAMED.match(following) is not None


def _is_native(digits: str, after: str) -> bool:
    counter = _NATIVE_COUNTER.match(after)
    if not counter or len(digits) > 2 or digits[0] == "0" or _SINO_COUNTER.match(after):
        return False
    if counter[0] == "대":  # 차 두 대; but 20대, in one's twenties, and 39대, the 39th
        return int(digits) < 20 and digits != "10"
    return int(digits) <= {"시": 12, "시간": 24}.get(counter[0], 99)


def _native(number: int, *, ordinal: bool) -> str:
    if ordinal and number == 1:
        return "첫"
    if number == 20:
        return "스무"
    tens, ones = divmod(number, 10)
    return _NATIVE_TENS[tens] + _NATIVE[ones]


def _sino(digits: str) -> str:
    """Read by ten thousands; digits one at a time after a leading zero or past 20 of them."""
    if len(digits) > _MOST_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return "".join(_SPELLED[int(d)] for d in digits)
    if digits == "0":
        return "영"
    first = len(digits) % 4
    groups = [digits[:first]] if first else []
    groups += [digits[i : i + 4] for i in range(first, len(digits), 4)]
    names = _MYRIADS[len(groups) - 1 :: -1]
    named = zip(groups, names, strict=True)
    found = "".join(_group(group) + name for group, name in named if int(group))
    return found[1:] if found.startswith("일만") else found


def _group(digits: str) -> str:
    """Read up to four digits; 일 is left out before 십, 백 and 천."""
    found = ""
    for digit, place in zip(digits, _PLACES[len(digits) - 1 :: -1], strict=True):
        if digit != "0":
            found += ("" if digit == "1" and place else _DIGITS[int(digit)]) + place
    return found
