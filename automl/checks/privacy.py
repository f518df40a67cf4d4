"""D030: personal data. Columns are named; a value is never printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from shlex import quote
from typing import TypeAlias

from automl.checks.context import Context
from automl.profile import ColumnProfile, Finding, words_of
from automl.table import Column

_N_LOOKED_AT = 1000
_SHARE = 0.5  # of the values that must match
_SHARE_INSIDE = 0.01  # of longer texts that hold one somewhere
_PHONE_WORDS = frozenset(words_of("phone telephone tel mobile cell fax handy"))

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,5}\)|\d{2,5})(?:[\s./-]\d{2,8}){1,4}|\+\d{8,15}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_IP = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")

Test: TypeAlias = Callable[[str], bool]


def personal_data(context: Context) -> list[Finding]:
    """D030: columns of e-mail addresses, phone, card, bank account or social security numbers, or IP addresses.

    Half of up to 1,000 values must have the form (and the check digits, where there are some); in free text it is
    enough that 1 % hold an e-mail address.
    """
    found = []
    for column in context.columns:
        what = _personal(context.small_columns[column.name], column)
        if what:
            found.append(
                Finding(
                    code="D030",
                    title=f"{column.name!r} holds {what}",
                    severity="warning",
                    columns=(column.name,),
                    evidence=f"by the form of the values ({column.n_unique:,} distinct); none is shown in any report",
                    advice=f"--drop {quote(column.name)} unless you may use it" if column.role == "feature" else "",
                )
            )
    return found


def _personal(column: Column, profile: ColumnProfile) -> str:
    named_phone = bool(_PHONE_WORDS & set(words_of(profile.name)))
    if column.storage == "number":
        numbers = profile.numbers
        if numbers is None or numbers.share_integer < 1 or numbers.minimum < (1e6 if named_phone else 1e12):
            return ""
    elif column.storage != "string" or profile.kind in ("boolean", "constant", "datetime", "ordinal"):
        return ""
    if len(profile.top) == profile.n_unique:
        return _form([text for text, _ in profile.top], named_phone)
    texts = column.as_text().drop_nulls().unique(maintain_order=True).head(_N_LOOKED_AT).to_list()
    return _form([text[:1000] for text in texts], named_phone)


def _form(texts: list[str], named_phone: bool) -> str:
    if not texts:
        return ""
    forms: tuple[tuple[str, Test], ...] = (
        ("e-mail addresses", lambda text: bool(_EMAIL.fullmatch(text))),
        ("social security numbers", lambda text: bool(_SSN.fullmatch(text))),
        ("bank account numbers (IBAN)", lambda text: bool(_IBAN.fullmatch(text)) and _iban_holds(text)),
        ("IP addresses", lambda text: bool(_IP.fullmatch(text))),
        ("card numbers", lambda text: bool(_CARD.fullmatch(text)) and luhn_holds(text)),
        ("phone numbers", lambda text: _is_phone(text, named_phone)),
    )
    for what, test in forms:
        if sum(map(test, texts)) >= _SHARE * len(texts):
            return what
    inside = sum("@" in text and bool(_EMAIL.search(text)) for text in texts)
    return "e-mail addresses in its texts" if inside >= max(2, _SHARE_INSIDE * len(texts)) else ""


def luhn_holds(text: str) -> bool:
    """Whether the check digit of a card number is right (Luhn's formula, ISO/IEC 7812-1 annex B)."""
    digits = [int(c) for c in text if c.isdigit()][::-1]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _iban_holds(text: str) -> bool:
    """Whether the check digits of an account number are right (ISO 13616: 1 modulo 97)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str, named_phone: bool) -> bool:
    digits = sum(c.isdigit() for c in text)
    if not 7 <= digits <= 15:
        return False
    if named_phone and not set(text) - set("0123456789+-.() /x"):
        return True
    # without a name that says so, a number must look like a phone's: country code, brackets, or 3-3-4
    written = "+" in text or "(" in text or bool(re.fullmatch(r"\d{3}[-. ]\d{3}[-. ]\d{4}", text))
    return written and bool(_PHONE.fullmatch(text))
